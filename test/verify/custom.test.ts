import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CustomHmac, CustomVerification, Source } from '../../src/model.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const custom = (verify: CustomVerification | null, more: Partial<Source> = {}) =>
  createVerifier(sourceOf('custom', { verify, secrets: ['s3cret', 'older'], ...more }), options);
const hmac = (more: Partial<CustomHmac> = {}): CustomVerification => ({
  kind: 'hmac',
  hmac: {
    algorithm: 'sha256',
    header: 'X-Acme-Signature',
    encoding: 'hex',
    prefix: '',
    signed: '{body}',
    timestamp: null,
    key: 'utf8',
    ...more,
  },
});
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a custom HMAC', () => {
  it.each(['sha1', 'sha256', 'sha512'] as const)(
    '%s in every encoding is believed, with any of the secrets',
    (algorithm) => {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        const verifier = custom(hmac({ algorithm, encoding, prefix: 'sig=' }));
        for (const [secret, ok] of [
          ['s3cret', true],
          ['older', true],
          ['other', false],
        ] as const) {
          const signature = createHmac(algorithm, secret).update('body').digest(encoding);
          expect(verifier.check(requestOf('body', { 'x-acme-signature': `sig=${signature}` }), now).ok).toBe(ok);
          expect(verifier.check(requestOf('body', { 'x-acme-signature': signature }), now).ok).toBe(false);
        }
      }
    },
  );

  it('takes base64url with and without padding, and no other spelling', () => {
    const verifier = custom(hmac({ encoding: 'base64url' }));
    const signature = createHmac('sha256', 's3cret').update('body').digest('base64url');
    for (const [text, ok] of [
      [signature, true],
      [`${signature}=`, true],
      [`${signature}==`, false],
      [`${signature} `, false],
    ] as const) {
      expect(verifier.check(requestOf('body', { 'x-acme-signature': text }), now).ok, text).toBe(ok);
    }
  });

  it('has keys in hex and base64', () => {
    const bytes = Buffer.from('00ff10a0b0', 'hex');
    const signature = createHmac('sha256', bytes).update('body').digest('hex');
    const request = requestOf('body', { 'x-acme-signature': signature });
    expect(custom(hmac({ key: 'hex' }), { secrets: ['00FF10a0b0'] }).check(request, now).ok).toBe(true);
    expect(custom(hmac({ key: 'base64' }), { secrets: [bytes.toString('base64')] }).check(request, now).ok).toBe(true);
    expect(() => custom(hmac({ key: 'hex' }), { secrets: ['00f'] })).toThrow(/not hex/);
    expect(() => custom(hmac({ key: 'base64' }), { secrets: ['a b'] })).toThrow(/not base64/);
  });

  it('signs any mixture of its parts, with braces and dollars in the body left alone', () => {
    const verifier = custom(
      hmac({
        signed: 'é:{method}|{header:X-Id}|{timestamp}|{body}|{body}',
        timestamp: { header: 'X-Time', unit: 'ms' },
      }),
    );
    const body = '{"a":"$& {timestamp}"}';
    const text = `é:POST|7|${now}|${body}|${body}`;
    const headers = {
      'x-id': '7',
      'x-time': `${now}`,
      'x-acme-signature': createHmac('sha256', 's3cret').update(text).digest('hex'),
    };
    expect(verifier.check(requestOf(body, headers), now).ok).toBe(true);
    expect(verifier.check(requestOf(body, { ...headers, 'x-id': '8' }), now).ok).toBe(false);
    expect(verifier.check(requestOf(body, headers), now + 300_001).ok).toBe(false);
  });

  it('takes the bytes of a header as they were sent', () => {
    const verifier = custom(hmac({ signed: '{header:x-id}.{body}' }));
    const signature = createHmac('sha256', 's3cret').update('Zoë.body').digest('hex');
    const asNodeReadsIt = Buffer.from('Zoë').toString('latin1');
    const check = (id: string) =>
      verifier.check(requestOf('body', { 'x-id': id, 'x-acme-signature': signature }), now).ok;
    expect(check(asNodeReadsIt)).toBe(true);
    expect(check('Zoë')).toBe(false);
    // The same low bytes in characters no header can hold.
    expect(check([...asNodeReadsIt].map((one) => String.fromCharCode(one.charCodeAt(0) + 0x100)).join(''))).toBe(false);
  });

  it.each([
    [{ signed: '{timestamp}.{body}' }, /names \{timestamp\}/],
    [{ signed: '{url}{body}' }, /RELAY_PUBLIC_URL/],
    [{ signed: '{payload}' }, /\{payload\} is none of/],
    [{ header: 'not a header' }, /no header name/],
    [{ signed: '{header:}{body}' }, /no header name/],
  ])('%j is a mistake', (more, message) => {
    expect(() => custom(hmac(more))).toThrow(message);
  });

  it('tells all mistakes at once', () => {
    expect(() => custom(hmac({ header: '?', signed: '{nope}', key: 'hex' }))).toThrow(
      expect.objectContaining({ problems: expect.objectContaining({ length: 4 }) }),
    );
  });

  it('warns when the body or the time could be changed', () => {
    expect(custom(hmac({ signed: '{method}' })).warnings).toEqual([expect.stringContaining('the body')]);
    expect(custom(hmac({ timestamp: { header: 'x-time', unit: 's' } })).warnings).toEqual([
      expect.stringContaining('the time'),
    ]);
    expect(custom(hmac()).warnings).toEqual([]);
  });
});

describe('a shown secret', () => {
  it('in a header is believed when it is one of ours', () => {
    const verifier = custom({ kind: 'token', header: 'X-Token' });
    for (const [token, ok] of [
      ['s3cret', true],
      ['older', true],
      ['s3cre', false],
      ['s3cret ', false],
      ['', false],
      ['s3cret, s3cret', false],
    ] as const) {
      expect(verifier.check(requestOf('', { 'x-token': token }), now).ok, token).toBe(ok);
    }
    expect(verifier.check(requestOf(''), now).ok).toBe(false);
    expect(verifier.proofHeaders).toEqual(['x-token']);
  });

  it('in the query is believed once, not twice', () => {
    const verifier = custom({ kind: 'token', query: 'key' });
    for (const [key, ok] of [
      ['s3cret', true],
      ['x', false],
      [['s3cret', 's3cret'], false],
    ] as const) {
      expect(verifier.check(requestOf('', {}, { query: { key } }), now).ok).toBe(ok);
    }
    expect(verifier.check(requestOf(''), now).ok).toBe(false);
    expect(custom({ kind: 'token', query: 'constructor' }).check(requestOf(''), now).ok).toBe(false);
    expect(verifier.proofQuery).toEqual(['key']);
    expect(verifier.sign({ ...requestOf(''), target: '/hooks/custom?a=1' }, now).target).toBe(
      '/hooks/custom?a=1&key=s3cret',
    );
  });

  it('by Basic is user and password', () => {
    const verifier = custom({ kind: 'basic' }, { secrets: ['user:pa:ss', 'ünser:pass'] });
    const check = (authorization: string) => verifier.check(requestOf('', { authorization }), now).ok;
    expect(check(`Basic ${base64('user:pa:ss')}`)).toBe(true);
    expect(check(`basic ${base64('ünser:pass')}`)).toBe(true);
    for (const text of [
      base64('user:pa:ss'),
      `Bearer ${base64('user:pa:ss')}`,
      `Basic ${base64('user:pa')}`,
      'Basic ',
      'Basic',
      '',
    ]) {
      expect(check(text), text).toBe(false);
    }
    expect(() => custom({ kind: 'basic' }, { secrets: ['password'] })).toThrow(/user:password/);
  });

  it('at the end of the path is believed when it is one of ours', () => {
    const verifier = custom({ kind: 'path_key' });
    for (const [pathKey, ok] of [
      ['s3cret', true],
      ['older', true],
      ['other', false],
      [null, false],
    ] as const) {
      expect(verifier.check(requestOf('', {}, { pathKey }), now).ok).toBe(ok);
    }
    expect(verifier.sign({ ...requestOf(''), target: '/hooks/custom?a=1' }, now).target).toBe(
      '/hooks/custom/s3cret?a=1',
    );
  });

  it('is not asked for by `none`, which is a standing warning', () => {
    const verifier = custom({ kind: 'none' }, { secrets: [] });
    expect(verifier.check(requestOf('anything'), now).ok).toBe(true);
    expect(verifier.warnings).toHaveLength(1);
  });
});

describe('a configuration', () => {
  it.each([
    ['without a secret', () => custom({ kind: 'path_key' }, { secrets: [] }), /secret/],
    ['with an empty secret', () => custom({ kind: 'path_key' }, { secrets: [''] }), /empty/],
    ['with an empty key', () => createVerifier(sourceOf('github', { secrets: [''] }), options), /empty/],
    ['without a verify block', () => custom(null), /needs a `verify` block/],
    [
      'with a verify block it does not take',
      () => createVerifier(sourceOf('github', { verify: { kind: 'none' } }), options),
      /only with/,
    ],
    [
      'with a delivery_id it does not take',
      () => createVerifier(sourceOf('github', { deliveryId: 'id' }), options),
      /only with/,
    ],
    ['of an unknown provider', () => createVerifier(sourceOf('nobody'), options), /no provider "nobody"/],
  ])('%s is a mistake', (_, create, message) => {
    expect(create).toThrow(message);
    expect(create).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  it('whose secret is missing gives a verifier that refuses all', () => {
    const verifier = createVerifier(sourceOf('github', { secrets: [], missing: ['GITHUB_SECRET'] }), options);
    expect(verifier.check(requestOf('{}'), now)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('GITHUB_SECRET'),
    });
  });
});

it('`delivery_id: body` is the hash of the bytes as sent', () => {
  const verifier = custom({ kind: 'none' }, { deliveryId: 'body' });
  const request = requestOf('some bytes');
  const { key } = verifier.identify({ ...request, body: null }, request);
  expect(key).toBe(`sha256:${createHash('sha256').update('some bytes').digest('hex')}`);
  expect(custom({ kind: 'none' }).identify({ ...request, body: null }, request).key).toBeNull();
});
