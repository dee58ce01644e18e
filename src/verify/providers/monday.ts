/**
 * monday proves itself with a token that names the URL and expires after five minutes; the body is not part of it. Only
 * webhooks that an app created have one.
 */
import { echoLengthMax, jsonAnswer } from '../answers.ts';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import type { Greeting, RawRequest } from '../contract.ts';
import { hmacKeys, readToken, signedByHs256, untimely, writeHs256 } from '../jwt.ts';
import type { Provider } from '../provider.ts';

const lifetimeMs = 300_000;
/** The lifetime, and the minute by which clocks may differ. */
const ageMs = lifetimeMs + 60_000;

function prepare(preparation: Preparation): Checker {
  const { secrets, urlOf } = preparation;
  const keys = hmacKeys(secrets);
  if (urlOf === null) {
    preparation.warnings.push('tokens for other URLs are taken too: set `url` in source.yaml or RELAY_PUBLIC_URL');
  }
  return {
    check(request, now) {
      const shown = request.headers.authorization;
      if (shown === undefined) return failed('the header authorization is missing');
      const token = readToken(shown.replace(/^bearer /i, ''));
      if (typeof token === 'string') return failed(token);
      const secret = signedByHs256(token, keys);
      if (secret === -1) return failed('the token is not signed with the secret by HS256');
      if (urlOf !== null && token.claims.aud !== urlOf(request.target)) {
        return failed(`the token is for another URL than ${urlOf(request.target)}`);
      }
      const wrong = untimely(token, now, preparation.toleranceMs ?? ageMs);
      return wrong === null ? passed(secret) : failed(wrong);
    },
    sign({ target }, now) {
      const iat = Math.floor(now / 1000);
      const claims = { iat, exp: iat + lifetimeMs / 1000, ...(urlOf === null ? {} : { aud: urlOf(target) }) };
      return { target, headers: { authorization: writeHs256(claims, secrets[0] ?? '') } };
    },
    proofHeaders: ['authorization'],
    proofQuery: [],
  };
}

function challenge({ method, body, parsed }: RawRequest): Greeting {
  if (method !== 'POST' || body.length > 2 * echoLengthMax) return null;
  const asked = parsed();
  if (typeof asked !== 'object' || asked === null || Object.keys(asked).join() !== 'challenge') return null;
  const { challenge: text } = asked as { challenge: unknown };
  return typeof text === 'string' && text.length <= echoLengthMax ? jsonAnswer({ challenge: text }) : null;
}

export const provider: Provider = {
  name: 'monday',
  label: 'monday.com',
  confidence: 'documented',
  docs: 'https://developer.monday.com/apps/docs/integration-authorization',
  secret:
    'The Signing Secret of the app (Developer Center → Basic information); of app lifecycle events, the Client Secret.',
  register: 'The `url` of the mutation create_webhook, called by the app; it must equal `url` in source.yaml.',
  proof: {
    kind: 'own',
    proof: 'JWT (HS256) in the header authorization',
    signed: null,
    toleranceMs: ageMs,
    prepare,
  },
  deliveryId: [[{ body: 'event.triggerUuid' }]],
  eventType: [[{ body: 'event.type' }], [{ body: 'type' }]],
  eventTime: { at: 'event.triggerTime', form: 'ISO 8601' },
  handshakes: 'POST with a `challenge` and nothing else, unsigned: answered with the same JSON',
  handshakeUnsigned: challenge,
};
