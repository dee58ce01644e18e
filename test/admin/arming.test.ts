import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, armingRelay, READ_TOKEN } from '../support/arming-relay.ts';

const minutes = 60_000;

let relay: Awaited<ReturnType<typeof armingRelay>>;
beforeEach(async () => {
  relay = await armingRelay();
});
afterEach(() => relay[Symbol.asyncDispose]());

type Method = 'get' | 'head' | 'post' | 'delete';
const ask = (method: Method, path: string, headers: Record<string, string> = {}) =>
  request(relay.app)
    [method](`/api/sources/${path}`)
    .set({ authorization: `Bearer ${ADMIN_TOKEN}`, ...headers });
const iso = (ms: number) => new Date(relay.clock.now() + ms).toISOString();

describe('arming a source', () => {
  it('holds for ten minutes and then is over', async () => {
    expect((await ask('get', 'asana/arm')).body).toEqual({ source: 'asana', state: 'idle' });
    const { status, body } = await ask('post', 'asana/arm');
    expect({ status, body }).toEqual({ status: 200, body: { source: 'asana', armed_until: iso(10 * minutes) } });
    const state = { source: 'asana', state: 'armed', armed_until: iso(10 * minutes) };
    relay.clock.advance(10 * minutes - 1);
    expect((await ask('get', 'asana/arm')).body).toEqual(state);
    relay.clock.advance(1);
    expect((await ask('get', 'asana/arm')).body).toEqual({ source: 'asana', state: 'idle' });
    expect(await relay.learn('asana')).toBe('not_armed');
  });

  it('ends with the secret, which shows nowhere', async () => {
    await ask('post', 'asana/arm');
    expect(await relay.learn('asana')).toBe('learned');
    const { body } = await ask('get', 'asana/arm');
    expect(body).toEqual({ source: 'asana', state: 'learned', learned_at: iso(0) });
    for (const path of ['/', '/health', '/metrics', '/api/sources', '/api/sources/asana/arm']) {
      const { text } = await request(relay.app)
        .get(path)
        .set({ authorization: `Bearer ${ADMIN_TOKEN}` });
      expect(text).not.toContain('secret-of-asana');
    }
  });

  it('is 409 once it has learned, until that was dropped', async () => {
    await ask('post', 'asana/arm');
    await relay.learn('asana');
    const refused = await ask('post', 'asana/arm');
    expect(refused.status).toBe(409);
    expect(refused.type).toBe('application/problem+json');
    expect(refused.body).toMatchObject({ code: 'has_secret' });
    expect((await ask('delete', 'asana/secret')).body).toEqual({ source: 'asana', forgotten: true });
    expect((await ask('get', 'asana/arm')).body).toEqual({ source: 'asana', state: 'idle' });
    expect((await ask('post', 'asana/arm')).status).toBe(200);
    expect(await relay.learn('asana', 'another')).toBe('learned');
  });

  it.each([
    ['stripe', 'cannot_learn', 'stripe hands over none'],
    ['broken', 'cannot_learn', 'source.yaml was refused'],
    ['given', 'has_secret', 'source.yaml gives one'],
    ['closed', 'cannot_learn', 'set ASANA_SECRET first'],
  ])('is 409 for %s', async (name, code, words) => {
    const { status, body } = await ask('post', `${name}/arm`);
    expect({ status, code: body.code }).toEqual({ status: 409, code });
    expect(body.detail).toContain(words);
    expect(await relay.keeper.armed(relay.clock.now())).toEqual(new Map());
  });

  it.each(['nobody', 'constructor', 'a%2Fb', '..%2Fasana'])('is 404 for %s, whatever is asked', async (name) => {
    expect((await ask('post', `${name}/arm`)).status).toBe(404);
    expect((await ask('get', `${name}/arm`)).status).toBe(404);
    expect((await ask('delete', `${name}/secret`)).status).toBe(404);
  });

  it('drops also what a source learned whose folder is gone', async () => {
    await relay.keeper.arm('gone', relay.clock.now() + minutes);
    await relay.learn('gone');
    expect((await ask('delete', 'gone/secret')).body).toEqual({ source: 'gone', forgotten: true });
    expect((await ask('delete', 'gone/secret')).status).toBe(404);
    expect((await ask('delete', 'asana/secret')).body).toEqual({ source: 'asana', forgotten: false });
  });

  it('is not for strangers, other sites, other methods or parameters', async () => {
    expect((await ask('post', 'asana/arm', { authorization: '' })).status).toBe(401);
    expect((await ask('post', 'asana/arm', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await ask('delete', 'asana/secret', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await ask('post', 'asana/arm?minutes=60')).status).toBe(400);
    const { status, headers } = await ask('delete', 'asana/arm');
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'POST, GET, HEAD' });
    expect(await relay.keeper.armed(relay.clock.now())).toEqual(new Map());
  });
});

describe('a secret that is to be pasted back', () => {
  const token = async (headers: Record<string, string> = {}) => {
    const { body } = await ask('get', 'notion/arm', headers);
    expect(body).toMatchObject({ source: 'notion', state: 'learned' });
    return (body.token ?? body.token_hidden) as string;
  };

  it('is shown once', async () => {
    await ask('post', 'notion/arm');
    expect((await ask('get', 'notion/arm')).body).not.toHaveProperty('token');
    await relay.learn('notion');
    expect(await token()).toBe('secret-of-notion');
    expect(await token()).toBe('it was shown already');
  });

  it('is not used up by whoever cannot read the answer', async () => {
    await ask('post', 'notion/arm');
    await relay.learn('notion');
    await ask('head', 'notion/arm');
    expect(await token({ 'sec-fetch-site': 'cross-site' })).toContain('only to a GET of the operator');
    expect(await token({ origin: 'null' })).toContain('only to a GET of the operator');
    expect((await ask('get', 'notion/arm', { authorization: 'Bearer wrong' })).text).not.toContain('secret-of');
    expect(await token()).toBe('secret-of-notion');
  });

  it('is not shown to the token that may only read, which uses nothing up', async () => {
    await ask('post', 'notion/arm');
    await relay.learn('notion');
    expect(await token({ authorization: `Bearer ${READ_TOKEN}` })).toContain('only to who has RELAY_ADMIN_TOKEN');
    expect(await token()).toBe('secret-of-notion');
  });

  it('is not shown after the ten minutes', async () => {
    await ask('post', 'notion/arm');
    await relay.learn('notion');
    relay.clock.advance(10 * minutes);
    expect(await token()).toBe('the ten minutes are over');
  });

  it('is not shown when another run of the relay was asked to arm', async () => {
    await relay.keeper.arm('notion', relay.clock.now() + minutes);
    await relay.learn('notion');
    expect(await token()).toContain('not armed by this run');
  });

  it('is shown by a relay without RELAY_ADMIN_TOKEN too, whose private port is on loopback', async () => {
    await using open = await armingRelay({ token: null });
    const bare = request(open.app);
    await bare.post('/api/sources/notion/arm').set({ host: 'localhost' });
    await open.learn('notion');
    const { text } = await bare.get('/api/sources/notion/arm').set({ host: 'localhost' });
    expect(JSON.parse(text)).toMatchObject({ state: 'learned', token: 'secret-of-notion' });
  });
});
