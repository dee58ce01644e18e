import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import type { CustomVerification } from '../../src/model.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const verify: CustomVerification = {
  kind: 'hmac',
  hmac: {
    algorithm: 'sha256',
    header: 'x-s',
    encoding: 'hex',
    prefix: '',
    signed: '{url}{body}',
    timestamp: null,
    key: 'utf8',
  },
};

function accepts(signedUrl: string, url: string | null, publicUrl: string | null, target: string): boolean {
  const verifier = createVerifier(sourceOf('custom', { name: 'acme', verify, url, secrets: ['k'] }), { publicUrl });
  const signature = createHmac('sha256', 'k').update(`${signedUrl}{}`).digest('hex');
  // What the request says about itself is no evidence.
  const headers = {
    'x-s': signature,
    host: 'evil.example.com',
    'x-forwarded-host': 'evil.example.com',
    'x-forwarded-proto': 'http',
  };
  return verifier.check(requestOf('{}', headers, { target }), now).ok;
}

it('the URL that is signed is the public address of the source, with the query of the request as it came', () => {
  const publicUrl = 'https://hooks.example.com/';
  expect(accepts('https://hooks.example.com/hooks/acme', null, publicUrl, '/hooks/acme')).toBe(true);
  expect(accepts('https://hooks.example.com/hooks/acme?b=%41&a=1', null, publicUrl, '/hooks/acme?b=%41&a=1')).toBe(
    true,
  );
  expect(accepts('https://hooks.example.com/hooks/acme?b=A&a=1', null, publicUrl, '/hooks/acme?b=%41&a=1')).toBe(false);
  expect(accepts('https://hooks.example.com/hooks/acme', null, publicUrl, '/hooks/acme?a=1')).toBe(false);
  expect(accepts('http://evil.example.com/hooks/acme', null, publicUrl, '/hooks/acme')).toBe(false);
});

it("a source's own url is used as it stands, query and all", () => {
  const url = 'https://other.example.com/in?tenant=7';
  expect(accepts(url, url, null, '/hooks/acme')).toBe(true);
  expect(accepts(url, url, 'https://hooks.example.com', '/hooks/acme?x=1')).toBe(true);
  expect(accepts(`${url}&x=1`, url, null, '/hooks/acme?x=1')).toBe(false);
  expect(accepts('https://hooks.example.com/hooks/acme', url, 'https://hooks.example.com', '/hooks/acme')).toBe(false);
});
