/**
 * PayPal signs with a key of its own, whose certificate stands at a URL that the request names: opened only where PayPal
 * keeps certificates, and believed only as one of PayPal's that is valid now (as the vendor's Python library has it).
 * The body takes part as its CRC-32. It tries for three days and does not say that it dates each try anew, so the
 * window is wider than that; a webhook that comes again has its id.
 */
import { crc32 } from 'node:zlib';
import { UsageError } from '../../errors.ts';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import type { RawRequest } from '../contract.ts';
import type { Provider } from '../provider.ts';
import { type Certificate, keptReader, readCertificate, signedByRsa } from '../published-keys.ts';
import { reachable } from '../reach.ts';
import { outsideWindow, parseTime } from '../timestamp.ts';

const toleranceMs = 4 * 86_400_000;
const certificateAgeMs = 86_400_000;
const parts = { id: 'paypal-transmission-id', time: 'paypal-transmission-time', signature: 'paypal-transmission-sig' };
const certUrl = 'paypal-cert-url';
const algorithm = 'paypal-auth-algo';

const reaches = [
  { host: /^api(\.sandbox)?\.paypal\.com$/, path: /^\/v1\/notifications\/certs\/[A-Za-z0-9-]{1,100}$/ },
] as const;

function prepare(preparation: Preparation): Checker {
  const read = keptReader(readCertificate);
  const { remote, fields } = preparation;
  const windowMs = preparation.toleranceMs ?? toleranceMs;
  return {
    check(request, now) {
      const { id = '', time = '', signature = '' } = partsOf(request);
      // The bar separates what is signed.
      if (!/^[\w-]{1,100}$/.test(id)) return failed(`the header ${parts.id} is missing, or none of PayPal's`);
      const signedAt = parseTime(time, 'rfc3339');
      if (signedAt === null) return failed(`the header ${parts.time} is missing or no time`);
      if (request.headers[algorithm] !== 'SHA256withRSA') return failed(`the header ${algorithm} is not SHA256withRSA`);
      const url = request.headers[certUrl] ?? '';
      if (!reachable({ reaches }, url))
        return failed(`the header ${certUrl} is not where PayPal keeps its certificates`);
      const text = remote.get(url, certificateAgeMs);
      if (text === null) return { ok: false, reason: 'the certificate is not here yet', wants: url };
      const refused = refusal(read(text), now);
      if (refused !== null) return failed(refused);
      const { key } = read(text) as Certificate;
      const fits = (webhook: string) =>
        signedByRsa('sha256', `${id}|${time}|${webhook}|${crc32(request.body)}`, key, signature);
      if (!(fields.webhook_id ?? []).some(fits)) return failed(`${parts.signature} does not fit: another webhook_id?`);
      const outside = outsideWindow(signedAt, now, windowMs);
      return outside === null ? passed() : failed(outside);
    },
    sign: () => {
      throw new UsageError(['cannot sign: only PayPal has the key']);
    },
    proofHeaders: [parts.signature],
    proofQuery: [],
  };
}

function partsOf({ headers }: RawRequest) {
  return { id: headers[parts.id], time: headers[parts.time], signature: headers[parts.signature] };
}

function refusal(certificate: Certificate | null, now: number): string | null {
  if (certificate === null) return 'what PayPal publishes there is no certificate of an RSA key';
  const { commonName, validFrom, validTo } = certificate;
  if (!commonName.endsWith('.paypal.com')) return 'the certificate is not one of paypal.com';
  return now < validFrom || now > validTo ? 'the certificate is not valid now' : null;
}

export const provider: Provider = {
  name: 'paypal',
  label: 'PayPal',
  confidence: 'vendor-sdk',
  docs: 'https://developer.paypal.com/api/rest/webhooks/rest/#link-verifymessagesignature',
  secret: 'There is none: PayPal signs with its own key. `webhook_id` takes its place.',
  register: 'Developer Dashboard → the app → Webhooks → Add Webhook; it then shows the Webhook ID.',
  secretFrom: 'none',
  fields: [
    {
      name: 'webhook_id',
      required: true,
      secret: false,
      pattern: /^[A-Za-z0-9]{1,50}$/,
      shape: 'a Webhook ID: letters and digits',
      what: 'the Webhook ID shown beside the URL in the Developer Dashboard',
    },
  ],
  proof: {
    kind: 'own',
    proof: `RSA-SHA256 in the header ${parts.signature}`,
    signed: `{header:${parts.id}}|{header:${parts.time}}|webhook_id|CRC-32 of {body}`,
    toleranceMs,
    prepare,
  },
  reaches,
  deliveryId: [[{ body: 'id' }]],
  eventType: [[{ body: 'event_type' }]],
  eventTime: { at: 'create_time', form: 'ISO 8601' },
};
