import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';
import type { BodyForm } from '../../src/model.ts';

/** It has no types. */
const braintree = createRequire(import.meta.url)('braintree');

const form = 'application/x-www-form-urlencoded';
const mandrill: BodyForm = { unwrap: { field: 'mandrill_events', as: 'json' } };
const payload: BodyForm = { unwrap: { field: 'bt_payload', as: 'base64-xml' } };
const parse = (fields: readonly (readonly [string, string])[], options: BodyForm) => {
  const body = new URLSearchParams(fields.map(([name, value]) => [name, value]));
  const result = parseBody(Buffer.from(body.toString()), form, options);
  return result.ok ? result.value : result.code;
};
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a form whose content is one field', () => {
  it('is the JSON in it, the other fields dropped', () => {
    expect(parse([['mandrill_events', '[{"a":"é & +"}]']], mandrill)).toEqual([{ a: 'é & +' }]);
    expect(parse([['mandrill_events', '[]'], ['other', '1']], mandrill)).toEqual([]); // biome-ignore format: a form
    expect(parse([['mandrill_events', '[']], mandrill)).toBe('malformed');
    expect(parse([['mandrill_events', '']], mandrill)).toBe('malformed');
  });

  it('is the XML in its base64', () => {
    expect(parse([['bt_payload', base64('<n><kind>check</kind></n>')]], payload)).toEqual({ n: { kind: 'check' } });
    expect(parse([['bt_payload', base64('<!DOCTYPE n><n/>')]], payload)).toBe('malformed');
    expect(parse([['bt_payload', '<n/>']], payload)).toBe('malformed');
    expect(parse([['bt_payload', `${base64('<n/>')}=`]], payload)).toBe('malformed');
    expect(parse([['bt_payload', base64('<n/>').replace('=', '')]], payload)).toBe('malformed');
    expect(parse([['bt_payload', '']], payload)).toBe('malformed');
  });

  it('may come in a multipart form too', () => {
    const body = '--b\r\ncontent-disposition: form-data; name=mandrill_events\r\n\r\n[1]\r\n--b--';
    const result = parseBody(Buffer.from(body), 'multipart/form-data; boundary=b', mandrill);
    expect(result).toEqual({ ok: true, value: [1] });
    const file = body.replace('=mandrill_events', '=mandrill_events; filename=x');
    expect(parseBody(Buffer.from(file), 'multipart/form-data; boundary=b', mandrill)).toMatchObject({
      code: 'malformed',
    });
  });

  it('stays a form without that field, and with it twice is malformed', () => {
    expect(parse([['other', '1']], mandrill)).toEqual({ other: '1' });
    expect(parse([['mandrill_events', '[]'], ['mandrill_events', '[]']], mandrill)).toBe('malformed'); // biome-ignore format: a form
  });

  it('stays a form where nobody said so', () => {
    expect(parse([['mandrill_events', '[]']], {})).toEqual({ mandrill_events: '[]' });
  });

  it("of Braintree's own making is its notification", () => {
    const { BraintreeGateway, Environment } = braintree;
    const keys = { merchantId: 'm', publicKey: 'p', privateKey: 'k' };
    const gateway = new BraintreeGateway({ environment: Environment.Sandbox, ...keys });
    const kind = 'subscription_charged_successfully';
    const { bt_signature, bt_payload } = gateway.webhookTesting.sampleNotification(kind, 'sub-1');
    const value = parse(
      [
        ['bt_signature', bt_signature],
        ['bt_payload', bt_payload],
      ],
      payload,
    );
    expect(value).toMatchObject({
      notification: {
        kind,
        timestamp: { '@type': 'datetime' },
        subject: { subscription: { id: 'sub-1', transactions: { transaction: { amount: '49.99' } } } },
      },
    });
  });
});
