import { describe, expect, it } from 'vitest';
import { admin, CANARY } from '../support/admin-fixtures.ts';

const PATHS = [
  '/',
  '/health',
  '/metrics',
  '/api/sources',
  '/api/deliveries',
  '/api/dead-letters',
  '/api/sandbox/events',
  '/api/sandbox/profiles',
  '/nothing',
];

describe('with a token', () => {
  const { ask } = admin({ token: 'tok-en' });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it.each(PATHS)('%s is refused without it', async (path) => {
    const answer = await ask.get(path);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="trackrelay"');
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'unauthorized', status: 401 });
  });

  it.each(['/', '/health', '/metrics', '/api/sources'])('%s is answered with it', async (path) => {
    expect((await ask.get(path).set(bearer('tok-en'))).status).toBe(200);
  });

  it.each(['Bearer tok-eN', 'Bearer tok-en2', 'Bearer tok', 'Basic tok-en', 'tok-en', 'Bearer', 'Bearer tok-en x', ''])(
    '%j is not it',
    async (authorization) => {
      expect((await ask.get('/health').set({ authorization })).status).toBe(401);
    },
  );

  it('a wrong one is said to be wrong, and not repeated', async () => {
    const answer = await ask.get('/health').set(bearer(CANARY));
    expect(answer.headers['www-authenticate']).toContain('invalid_token');
    expect(JSON.stringify([answer.headers, answer.text])).not.toContain(CANARY);
  });

  it('the token in the query is none', async () => {
    expect((await ask.get('/health?token=tok-en&access_token=tok-en')).status).toBe(401);
  });

  it.each(['/livez', '/readyz'])('%s needs none', async (path) => {
    expect((await ask.get(path)).status).toBe(200);
  });

  it('any host name may be asked', async () => {
    expect((await ask.get('/health').set({ ...bearer('tok-en'), host: 'relay.internal:8081' })).status).toBe(200);
  });

  it('a change from another site is refused even so', async () => {
    const headers = { ...bearer('tok-en'), host: 'relay.internal', origin: 'https://evil.example' };
    expect((await ask.delete('/api/sandbox/events').set(headers)).status).toBe(403);
  });
});

describe('without a token', () => {
  const { ask } = admin();

  it.each(['localhost', 'localhost:8081', 'LOCALHOST:1', '127.0.0.1:8081', '127.0.0.1', '[::1]:8081', '[::1]'])(
    'who asks by %s is answered',
    async (host) => {
      expect((await ask.get('/health').set({ host })).status).toBe(200);
    },
  );

  it.each([
    'evil.example',
    'evil.example:8081',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    'localhost:8081@evil',
    '[::2]',
  ])('who asks by %s is refused', async (host) => {
    for (const path of ['/', '/api/deliveries', '/livez']) {
      const answer = await ask.get(path).set({ host });
      expect(answer.status).toBe(403);
      expect(answer.body.code).toBe('foreign_host');
    }
  });
});

describe('a change', () => {
  const empty = async () => ({ items: [], next: null });
  const sandbox = { events: empty, profiles: empty, clear: async () => undefined };
  const { ask } = admin({ sandbox });
  const remove = (headers: Record<string, string>) =>
    ask.delete('/api/sandbox/events').set({ host: 'localhost:8081', ...headers });

  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:9999' },
    { origin: 'null' },
    { origin: 'nonsense' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  it.each(foreign)('with %j is refused', async (headers) => {
    const answer = await remove(headers);
    expect(answer.status).toBe(403);
    expect(answer.body.code).toBe('foreign_origin');
  });

  const own: Record<string, string>[] = [{}, { origin: 'http://localhost:8081' }, { 'sec-fetch-site': 'same-origin' }];
  it.each(own)('with %j is done', async (headers) => {
    expect((await remove(headers)).status).toBe(204);
  });
});
