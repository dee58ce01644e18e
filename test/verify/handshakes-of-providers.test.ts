/** Handshakes as the vendors describe them, at the real door: who asks rightly is answered, nothing of it is kept. */
import { createHmac } from 'node:crypto';
import { request } from 'undici';
import { afterAll, describe, expect, it } from 'vitest';
import type { Source } from '../../src/model.ts';
import { providers } from '../../src/verify/registry.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { openDoor } from '../intake/door.ts';
import { sourceOf } from '../support/verify-fixtures.ts';

const learned: string[] = [];
let armed = false;
const door = await openDoor({
  sources: [],
  learn: async (source, secret) => {
    if (!armed) return 'the source is not armed';
    learned.push(`${source.name} ${secret}`);
    return null;
  },
});
afterAll(() => door[Symbol.asyncDispose]());

const options = { publicUrl: 'https://relay.example.com' };
const fields: Record<string, Source['fields']> = {
  meta: { verify_token: ['a verify token'] },
  whatsapp: { verify_token: ['a verify token'] },
};
const secretOf = (name: string) => (name === 'zuora' ? 'user:password' : 'a secret');
for (const name of [
  'dropbox',
  'zoom',
  'meta',
  'whatsapp',
  'asana',
  'notion',
  'trello',
  'x',
  'okta',
  'mailchimp',
  'zuora',
  'cloudevents',
]) {
  const secrets = ['asana', 'notion'].includes(name) ? [] : [secretOf(name)];
  const source = sourceOf(name, { secrets, fields: fields[name] ?? {} });
  door.enter(source, createVerifier(source, options));
}
const stripe = sourceOf('stripe');
door.enter(stripe, createVerifier(stripe, options));

type Asked = { method?: string; headers?: Record<string, string>; body?: string };

async function ask(target: string, { method = 'GET', headers = {}, body }: Asked = {}) {
  const before = { kept: door.kept.length, receipts: door.receipts.length };
  const answer = await request(`${door.url}/hooks/${target}`, { method: method as 'GET', headers, body: body ?? null });
  const text = await answer.body.text();
  return {
    ...{ status: answer.statusCode, headers: answer.headers, text },
    kept: door.kept.length - before.kept,
    result: door.receipts.slice(before.receipts).map(({ result }) => result),
  };
}

const json = { 'content-type': 'application/json' };
const hex = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');

describe('a GET that wants its challenge back', () => {
  const meta = 'hub.mode=subscribe&hub.verify_token=a%20verify%20token&hub.challenge=1158201444';

  it.each([
    ['dropbox?challenge=%3Cb%3Eabc', '<b>abc'],
    [`meta?${meta}`, '1158201444'],
    [`whatsapp?${meta}`, '1158201444'],
  ])('%s is answered with it, as text that no browser takes for a page', async (target, text) => {
    const answer = await ask(target);
    expect(answer).toMatchObject({ status: 200, text, kept: 0, result: ['handshake'] });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['content-length']).toBe(`${text.length}`);
  });

  it.each([
    ['meta?hub.mode=subscribe&hub.verify_token=another&hub.challenge=1', 401],
    ['meta?hub.mode=subscribe&hub.challenge=1', 401],
    ['meta?hub.mode=subscribe&hub.verify_token=a%20verify%20token', 401],
    ['meta?hub.mode=unsubscribe&hub.verify_token=a%20verify%20token&hub.challenge=1', 405],
    ['dropbox', 405],
    ['dropbox?challenge=1&challenge=2', 405],
    [`dropbox?challenge=${'x'.repeat(1025)}`, 405],
    ['stripe?challenge=abc', 405],
    ['zoom?challenge=abc', 405],
  ])('%s is refused with %i', async (target, status) => {
    const answer = await ask(target);
    expect(answer).toMatchObject({ status, kept: 0 });
    expect(answer.text).not.toContain('abc');
  });
});

describe('X', () => {
  it('is answered with the digest of its token', async () => {
    const answer = await ask('x?crc_token=abc&nonce=1');
    const digest = createHmac('sha256', 'a secret').update('abc').digest('base64');
    expect(answer).toMatchObject({ status: 200, result: ['handshake'] });
    expect(JSON.parse(answer.text)).toEqual({ response_token: `sha256=${digest}` });
  });

  it.each(['x', `x?crc_token=${'a'.repeat(1025)}`, 'dropbox?crc_token=abc'])(
    'gets no digest for %s',
    async (target) => {
      expect((await ask(target)).status).toBe(405);
    },
  );
});

describe('Okta', () => {
  it('is answered with its challenge in JSON', async () => {
    const answer = await ask('okta', { headers: { 'x-okta-verification-challenge': 'a"b' } });
    expect(answer).toMatchObject({ status: 200, text: '{"verification":"a\\"b"}', kept: 0 });
    expect(answer.headers['content-type']).toBe('application/json');
  });

  it('is refused by GET without one, and elsewhere', async () => {
    expect((await ask('okta')).status).toBe(405);
    expect((await ask('stripe', { headers: { 'x-okta-verification-challenge': 'a' } })).status).toBe(405);
  });
});

describe('a question whether somebody is there', () => {
  it.each([
    ['trello', 'HEAD'],
    ['mailchimp', 'GET'],
    ['mailchimp/any', 'GET'],
  ])('to %s by %s is answered with 200 and nothing', async (target, method) => {
    expect(await ask(target, { method })).toMatchObject({ status: 200, text: '', result: ['handshake'] });
  });

  it.each([
    ['trello', 'GET'],
    ['mailchimp', 'HEAD'],
    ['stripe', 'HEAD'],
  ])('to %s by %s is not', async (target, method) => {
    expect((await ask(target, { method })).status).toBe(405);
  });
});

describe('Zoom', () => {
  const body = '{"event":"endpoint.url_validation","event_ts":1,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}';
  const signed = (text: string) => {
    const seconds = `${Math.floor(Date.now() / 1000)}`;
    const signature = `v0=${hex('a secret', `v0:${seconds}:${text}`)}`;
    return { ...json, 'x-zm-request-timestamp': seconds, 'x-zm-signature': signature };
  };

  it('is answered with its token and the digest of it', async () => {
    const answer = await ask('zoom', { method: 'POST', headers: signed(body), body });
    expect(answer).toMatchObject({ status: 200, kept: 0, result: ['handshake'] });
    const plainToken = 'qgg8vlvZRS6UYooatFL8Aw';
    expect(JSON.parse(answer.text)).toEqual({ plainToken, encryptedToken: hex('a secret', plainToken) });
  });

  it('is answered by the secret that signed, while two are there', async () => {
    const both = sourceOf('zoom', { name: 'zoom-two', secrets: ['another', 'a secret'] });
    door.enter(both, createVerifier(both, options));
    const answer = await ask('zoom-two', { method: 'POST', headers: signed(body), body });
    expect(JSON.parse(answer.text).encryptedToken).toBe(hex('a secret', 'qgg8vlvZRS6UYooatFL8Aw'));
  });

  it('is refused unsigned, and an event is an event', async () => {
    expect((await ask('zoom', { method: 'POST', headers: json, body })).status).toBe(401);
    const event = '{"event":"meeting.started","event_ts":2,"payload":{"plainToken":"x"}}';
    expect(await ask('zoom', { method: 'POST', headers: signed(event), body: event })).toMatchObject({ kept: 1 });
  });
});

describe('a secret that comes in a handshake', () => {
  const asana = { method: 'POST', headers: { 'x-hook-secret': 'b537207f20cbfa02' } };
  const notion = {
    method: 'POST',
    headers: json,
    body: '{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}',
  };

  it('is refused while the source is not armed', async () => {
    armed = false;
    expect(await ask('asana', asana)).toMatchObject({ status: 401, result: ['unverified'] });
    expect(await ask('notion', notion)).toMatchObject({ status: 401, result: ['unverified'] });
    expect(learned).toEqual([]);
  });

  it("is taken while it is armed: Asana's is echoed in its header, Notion's is not", async () => {
    armed = true;
    const answer = await ask('asana', asana);
    expect(answer).toMatchObject({ status: 200, text: '', kept: 0, result: ['handshake'] });
    expect(answer.headers['x-hook-secret']).toBe('b537207f20cbfa02');
    expect(await ask('notion', notion)).toMatchObject({ status: 200, text: '', kept: 0 });
    expect(learned).toEqual(['asana b537207f20cbfa02', 'notion secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl']);
  });

  it('is none with something else beside it, elsewhere, or where it could not be a header', async () => {
    armed = true;
    const before = learned.length;
    const two = { ...notion, body: '{"verification_token":"secret_x","id":"1"}' };
    for (const [target, asked] of [
      ['notion', two],
      ['notion', { ...notion, headers: { ...json, 'x-notion-signature': 'sha256=0' } }],
      ['notion', { ...notion, body: `{"verification_token":"${'x'.repeat(1100)}"}` }],
      ['stripe', notion],
      ['stripe', asana],
    ] as const) {
      expect((await ask(target, asked)).status, target).toBeGreaterThan(400);
    }
    expect(learned.length).toBe(before);
  });

  it('is waited for: until it came, a webhook is told to come back', async () => {
    const signed = { ...json, 'x-hook-signature': '0' };
    const answer = await ask('asana', { method: 'POST', headers: signed, body: '{}' });
    expect(answer).toMatchObject({ status: 503, kept: 0 });
    expect(answer.headers['retry-after']).toBeDefined();
  });
});

describe('CloudEvents', () => {
  const asks = { 'webhook-request-origin': 'events.example.com', 'webhook-request-rate': '120' };

  it('are allowed to come, by OPTIONS, at the rate that was asked for', async () => {
    const answer = await ask('cloudevents', { method: 'OPTIONS', headers: asks });
    expect(answer).toMatchObject({ status: 200, text: '', kept: 0, result: ['handshake'] });
    expect(answer.headers.allow).toBe('POST');
    expect(answer.headers['webhook-allowed-origin']).toBe('events.example.com');
    expect(answer.headers['webhook-allowed-rate']).toBe('120');
  });

  it('may come at any rate when none was asked for', async () => {
    const headers = { 'webhook-request-origin': 'events.example.com' };
    expect((await ask('cloudevents', { method: 'OPTIONS', headers })).headers['webhook-allowed-rate']).toBe('*');
  });

  it('are refused by OPTIONS without an origin, with one that is no name, and elsewhere', async () => {
    expect((await ask('cloudevents', { method: 'OPTIONS' })).status).toBe(405);
    const headers = { 'webhook-request-origin': 'a, b' };
    expect((await ask('cloudevents', { method: 'OPTIONS', headers })).status).toBe(401);
    expect((await ask('stripe', { method: 'OPTIONS', headers: asks })).status).toBe(405);
  });
});

describe('Zuora', () => {
  it('is asked for its credentials when it comes without, which is no failure', async () => {
    const answer = await ask('zuora', { method: 'POST', headers: json, body: '{}' });
    expect(answer).toMatchObject({ status: 401, kept: 0, result: ['handshake'] });
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm=/);
  });

  it('is refused with wrong ones, and told again what to show', async () => {
    const headers = { ...json, authorization: `Basic ${btoa('user:another')}` };
    const answer = await ask('zuora', { method: 'POST', headers, body: '{}' });
    expect(answer).toMatchObject({ status: 401, result: ['unverified'] });
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm=/);
  });
});

it('whoever makes a handshake says so in words, and nobody else does', () => {
  const silent = [...providers.values()].filter(
    (one) => (one.handshakes !== undefined) !== (one.handshake !== undefined || one.handshakeUnsigned !== undefined),
  );
  expect(silent.map(({ name }) => name)).toEqual([]);
});
