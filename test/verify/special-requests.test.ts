/** Signed by whoever has the secret, and still not what the provider sends: each rule of the special ones by itself. */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: 'https://relay.example.com' };
const secret = 'a'.repeat(64);
const verifierOf = (provider: string, fields = {}) =>
  createVerifier(sourceOf(provider, { secrets: [secret], fields }), options);
const hmac = (algorithm: 'sha1' | 'sha256', text: string, key: string | Buffer = secret) =>
  createHmac(algorithm, key).update(text);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('Contentful', () => {
  const contentful = verifierOf('contentful');
  const own = 'x-contentful-signed-headers,x-contentful-timestamp';
  function check(list: string, more: Record<string, string> = {}) {
    const headers: Record<string, string> = {
      'x-contentful-signed-headers': list,
      'x-contentful-timestamp': `${now}`,
      ...more,
    };
    const values = list.split(',').map((name) => `${name}:${Object.hasOwn(headers, name) ? headers[name] : ''}`);
    const text = `POST\n/hooks/contentful\n${values.join(';')}\n{}`;
    headers['x-contentful-signature'] = hmac('sha256', text).digest('hex');
    return contentful.check(requestOf('{}', headers, { target: '/hooks/contentful' }), now).ok;
  }

  it('signs its own two headers, and any other that is there', () => {
    expect(check(own)).toBe(true);
    expect(check(`${own},x-more`, { 'x-more': 'a;b:c' })).toBe(true);
  });

  it.each([
    ['without the time', 'x-contentful-signed-headers'],
    ['without the list itself', 'x-contentful-timestamp'],
    ['that names one twice', `${own},x-contentful-timestamp`],
    ['that names one that is missing', `${own},x-more`],
    ['that names what every object has', `${own},__proto__`],
    ['that names a method of every object', `${own},constructor`],
    ['of nothing', ''],
    ['of forty-one', [own, ...Array.from({ length: 39 }, (_, at) => `x-${at}`)].join(',')],
  ])('with a list %s is refused', (_, list) => {
    const more = Object.fromEntries(Array.from({ length: 39 }, (__, at) => [`x-${at}`, '1']));
    expect(check(list, more)).toBe(false);
  });
});

describe('Braintree', () => {
  const braintree = verifierOf('braintree', { public_key: ['ours', 'ours too'] });
  const key = createHash('sha1').update(secret).digest();
  const signatureOf = (payload: string) => hmac('sha1', payload, key).digest('hex');
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const check = (signature: string, payload: string, more = '') => {
    const fields = new URLSearchParams({ bt_signature: signature, bt_payload: payload });
    return braintree.check(requestOf(`${fields}${more}`, form), now).ok;
  };
  const right = signatureOf('PGE+\n');

  it('is believed by any of our public keys, with the line break at the end or without', () => {
    expect(check(`ours|${right}`, 'PGE+\n')).toBe(true);
    expect(check(`ours|${right}`, 'PGE+')).toBe(true);
    expect(check(`theirs|${'0'.repeat(40)}&ours too|${right}`, 'PGE+')).toBe(true);
  });

  it.each([
    ['of another public key', `theirs|${right}`, 'PGE+'],
    ['of no public key', `|${right}`, 'PGE+'],
    ['with a part more', `ours|${right}|x`, 'PGE+'],
    ['in upper case', `ours|${right.toUpperCase()}`, 'PGE+'],
    ['that is half', `ours|${right.slice(0, 20)}`, 'PGE+'],
    ['behind sixteen others', `${'theirs|0&'.repeat(16)}ours|${right}`, 'PGE+'],
    ['of what is not base64', `ours|${signatureOf('<a/>')}`, '<a/>'],
    ['of another payload', `ours|${right}`, 'PGE+\n\n'],
  ])('with a signature %s is refused', (_, signature, payload) => {
    expect(check(signature, payload)).toBe(false);
  });

  it('with two payloads or two signatures is refused', () => {
    expect(check(`ours|${right}`, 'PGE+', '&bt_payload=PGI%2B')).toBe(false);
    expect(check(`ours|${right}`, 'PGE+', `&bt_signature=ours|${right}`)).toBe(false);
  });
});

describe('Twilio', () => {
  const twilio = verifierOf('twilio');
  const url = 'https://relay.example.com/hooks/twilio';
  function check(query: string, body: string, headers: Record<string, string>, form = '') {
    const signature = hmac('sha1', `${url}${query}${form}`).digest('base64');
    const all = { ...headers, 'x-twilio-signature': signature };
    return twilio.check(requestOf(body, all, { target: `/hooks/twilio${query}` }), now).ok;
  }
  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const hash = `bodySHA256=${sha256('{}')}`;

  it('binds any body by its hash, in lower-case hex and once', () => {
    expect(check(`?${hash}`, '{}', json)).toBe(true);
    expect(check(`?${hash}&${hash}`, '{}', json)).toBe(false);
    expect(check(`?bodySHA256=${sha256('[]')}&${hash}`, '{}', json)).toBe(false);
    expect(check(`?bodySHA256=${sha256('{}').toUpperCase()}`, '{}', json)).toBe(false);
    expect(check('?bodySHA256=', '{}', json)).toBe(false);
    expect(check('', '{}', json)).toBe(false);
  });

  it('signs a form, and not the same form under another content type or compressed', () => {
    expect(check('', 'b=2&a=1', form, 'a1b2')).toBe(true);
    expect(check('', 'b=2&a=1', json, 'a1b2')).toBe(false);
    expect(check('', 'b=2&a=1', { ...form, 'content-encoding': 'gzip' }, 'a1b2')).toBe(false);
    expect(check('', Array.from({ length: 100 }, () => 'a=1').join('&'), form, 'a1')).toBe(false);
  });
});

describe('a token of', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  function token(claims: object): string {
    const signed = `${encode({ alg: 'HS256' })}.${encode(claims)}`;
    return `${signed}.${hmac('sha256', signed).digest('base64url')}`;
  }

  it('Netlify is of Netlify, and of this body', () => {
    const check = (claims: object) =>
      verifierOf('netlify').check(requestOf('{}', { 'x-webhook-signature': token(claims) }), now).ok;
    expect(check({ iss: 'netlify', sha256: sha256('{}') })).toBe(true);
    expect(check({ iss: 'another', sha256: sha256('{}') })).toBe(false);
    expect(check({ sha256: sha256('{}') })).toBe(false);
    for (const claim of [sha256('[]'), sha256('{}').toUpperCase(), '', null, 17, [sha256('{}')]]) {
      expect(check({ iss: 'netlify', sha256: claim }), `${claim}`).toBe(false);
    }
    expect(check({ iss: 'netlify' })).toBe(false);
  });

  it('Jira is for this method, path and query', () => {
    const times = { iat: now / 1000, exp: now / 1000 + 180 };
    const check = (claims: object, target = '/hooks/jira-connect?b=2&a=1') => {
      const query = Object.fromEntries(new URLSearchParams(target.split('?')[1]));
      const request = requestOf('{}', { authorization: `JWT ${token({ ...times, ...claims })}` }, { target, query });
      return verifierOf('jira-connect').check(request, now).ok;
    };
    const qsh = (canonical: string) => ({ qsh: sha256(canonical) });
    expect(check(qsh('POST&/hooks/jira-connect&a=1&b=2'))).toBe(true);
    expect(check(qsh('POST&/hooks/jira-connect&a=1&b=2'), '/hooks/jira-connect?b=2&a=1&jwt=x')).toBe(true);
    for (const other of ['GET&/hooks/jira-connect&a=1&b=2', 'POST&/&a=1&b=2', 'POST&/hooks/jira-connect&', '']) {
      expect(check(qsh(other)), other).toBe(false);
    }
    expect(check(qsh('POST&/hooks/jira-connect&a=1&b=2'), '/hooks/jira-connect?b=2&a=2')).toBe(false);
    // What Atlassian puts into tokens that are good for any URL.
    expect(check({ qsh: 'context-qsh' })).toBe(false);
    expect(check({})).toBe(false);
    expect(check({ ...qsh('POST&/hooks/jira-connect&a=1&b=2'), exp: undefined })).toBe(false);
  });
});
