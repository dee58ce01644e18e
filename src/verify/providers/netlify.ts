/** Netlify signs a token that holds the hash of the body. It names no time, so that it never expires. */
import { hash } from 'node:crypto';
import { type Checker, failed, type Preparation, passed } from '../checker.ts';
import { hmacKeys, readToken, signedByHs256, writeHs256 } from '../jwt.ts';
import { sameText } from '../key-match.ts';
import type { Provider } from '../provider.ts';

const header = 'x-webhook-signature';
const kind = 'x-netlify-event';

function prepare({ secrets }: Preparation): Checker {
  const keys = hmacKeys(secrets);
  return {
    check(request) {
      const shown = request.headers[header];
      if (shown === undefined) return failed(`the header ${header} is missing: set a JWS secret token at Netlify`);
      const token = readToken(shown);
      if (typeof token === 'string') return failed(token);
      const secret = signedByHs256(token, keys);
      if (secret === -1) return failed('the token is not signed with the secret by HS256');
      if (token.claims.iss !== 'netlify') return failed('the token is not from netlify');
      const { sha256 } = token.claims;
      const same = typeof sha256 === 'string' && sameText(sha256, hash('sha256', request.body, 'hex'));
      return same ? passed(secret) : failed('the token is of another body');
    },
    sign({ target, body }) {
      const claims = { iss: 'netlify', sha256: hash('sha256', body, 'hex') };
      return { target, headers: { [header]: writeHs256(claims, secrets[0] ?? '') } };
    },
    proofHeaders: [header],
    proofQuery: [],
  };
}

export const provider: Provider = {
  name: 'netlify',
  label: 'Netlify',
  confidence: 'unconfirmed',
  docs: 'https://docs.netlify.com/deploy/deploy-notifications/#payload-signature',
  secret: 'The JWS secret token you entered beside the URL of the notification.',
  register: 'Project configuration → Notifications → Add notification → HTTP POST request → URL to notify.',
  proof: {
    kind: 'own',
    proof: `JWS (HS256) in the header ${header}`,
    signed: 'the SHA-256 of {body}, as a claim',
    toleranceMs: null,
    prepare,
  },
  // A deploy tells when it was updated, a form's submission its own id; two kinds of event can have one body.
  deliveryId: [[{ header: kind, optional: true }, { body: 'id' }, { content: true }]],
  eventType: [[{ header: kind }], [{ body: 'state' }]],
  eventTime: { at: 'updated_at', form: 'ISO 8601' },
};
