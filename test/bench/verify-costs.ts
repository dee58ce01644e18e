/**
 * What it costs to check one right webhook with a body of 2 KB and one secret, for each provider whose webhooks we can sign
 * ourselves; of those that take a public key the verification is OpenSSL's, so they are told apart.
 */
import { parseBody } from '../../src/body/parse.ts';
import { systemClock } from '../../src/clock.ts';
import type { Source } from '../../src/model.ts';
import { type Described, described } from '../../src/verify/described.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';

export type VerifyCost = { readonly provider: string; readonly publicKey: boolean; readonly micros: number };

const bodyBytes = 2048;
const publicUrl = 'https://relay.example.com';
const secretOf = ({ proof, name }: Described) =>
  proof.startsWith('Basic')
    ? 'relay:password'
    : (providers.get(name)?.sandboxSecret?.() ?? '0123456789abcdef'.repeat(4));

/** Fields enough for every place that a provider signs. */
const content = {
  ...{ id: 'evt_1', type: 'order.created', event: { id: '1', type: 'x' }, webhookTimestamp: 1, event_ts: 1 },
  signature: { timestamp: '1', token: 'a token', signature: '0' },
};
const json = Buffer.from(JSON.stringify({ ...content, filling: 'x'.repeat(bodyBytes - 190) }));

export function verifyCosts(loopMicros: (step: () => void) => number): VerifyCost[] {
  return [...providers.values()].map(described).flatMap((one) => {
    if (one.name === 'custom' || one.secret_from === 'none') return [];
    try {
      return [{ provider: one.name, publicKey: /^(ECDSA|Ed25519)/.test(one.proof), micros: costOf(one, loopMicros) }];
    } catch {
      // Only its provider can sign: there is nothing right to check.
      return [];
    }
  });
}

function costOf(one: Described, loopMicros: (step: () => void) => number): number {
  const fields = Object.fromEntries(one.fields.map(({ name }) => [name, ['a-field']]));
  const source: Source = {
    ...{ name: 'bench', provider: one.name, secrets: [secretOf(one)], missing: [], url: null, toleranceMs: null },
    ...{ destinations: ['mixpanel'], keep: 'full', answer: null, fields, verify: null, deliveryId: null },
    limits: { accept: { count: 1_000_000, windowMs: 1_000 }, forward: null },
  };
  const verifier = createVerifier(source, { publicUrl });
  const headers = { 'content-type': 'application/json', 'content-length': `${json.length}` };
  const now = systemClock.now();
  const signed = verifier.sign({ method: 'POST', target: '/hooks/bench', headers, body: json }, now);
  const body = signed.body ?? json;
  const [path = '', query = ''] = signed.target.split('?');
  const request = {
    method: 'POST',
    target: signed.target,
    pathKey: path.split('/')[3] ?? null,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: { ...headers, ...signed.headers },
    body,
    // As at the door: worked out when it is asked for, for each webhook anew.
    parsed: () => {
      const outcome = parseBody(body, 'application/json');
      return outcome.ok ? outcome.value : undefined;
    },
  };
  const check = () => {
    const verdict = verifier.check(request, now);
    if (!verdict.ok) throw new Error(`${one.name}: ${verdict.reason}`);
  };
  check();
  return loopMicros(check);
}
