import { describe, expect, it } from 'vitest';
import { privateHealth } from '../../src/observe/health.ts';
import { admin, adminDeps, CANARY } from '../support/admin-fixtures.ts';
import {
  destinationStatus,
  NOW,
  snapshot,
  source,
  sourceStatus,
  stillClock,
  tally,
} from '../support/observe-fixtures.ts';

describe('every answer', () => {
  it.each(['/', '/health', '/livez', '/api/sources', '/nothing'])(
    'of %s is not cached and says nothing of what is behind',
    async (path) => {
      const { headers } = await admin().ask.get(path);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
      expect(headers['x-powered-by']).toBeUndefined();
      expect(headers['access-control-allow-origin']).toBeUndefined();
      expect(headers.etag).toBeUndefined();
    },
  );
});

describe('probes', () => {
  it('readyz is 503 with Retry-After while webhooks cannot be accepted', async () => {
    expect((await admin({ ready: () => true }).ask.get('/readyz')).status).toBe(200);
    const answer = await admin({ ready: () => false }).ask.get('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
  });

  it('livez is 200 all the same', async () => {
    expect((await admin({ ready: () => false }).ask.get('/livez')).status).toBe(200);
  });
});

describe('health', () => {
  it('is the private form, as health+json', async () => {
    const answer = await admin().ask.get('/health');
    expect(answer.type).toBe('application/health+json');
    expect(JSON.parse(answer.text)).toMatchObject({
      status: 'pass',
      sources: { stripe: { accepted: 3 } },
      destinations: { mixpanel: {} },
    });
  });

  it('is 503 when it fails', async () => {
    const health = async () => privateHealth(snapshot({ notAccepting: 'stopping' }));
    expect((await admin({ health }).ask.get('/health')).status).toBe(503);
  });

  it('has known secrets cut out of the words of a destination', async () => {
    const lastError = { reason: 'refused', message: `token ${CANARY} is bad`, at: NOW };
    const health = async () =>
      privateHealth(snapshot({ destinations: [destinationStatus({ state: 'paused', lastError })] }));
    const { ask } = admin({ health });
    for (const path of ['/', '/health']) {
      const { text } = await ask.get(path);
      expect(text).toContain('[masked]');
      expect(text).not.toContain(CANARY);
    }
  });
});

describe('lists', () => {
  it('give the page the buffer gives, fifty at a time when nothing is asked', async () => {
    const { ask, calls } = admin();
    const answer = await ask.get('/api/deliveries');
    expect(answer.type).toBe('application/json');
    expect(answer.body).toEqual({ items: [], next: '41' });
    expect(calls.lists).toEqual([['deliveries', {}, { limit: 50 }]]);
  });

  it('pass on filters, limit and cursor', async () => {
    const { ask, calls } = admin();
    await ask.get('/api/deliveries?source=stripe&state=failed&type=charge.succeeded&after=41&limit=500');
    await ask.get('/api/dead-letters?source=stripe&reason=gave_up&limit=1');
    expect(calls.lists).toEqual([
      ['deliveries', { source: 'stripe', state: 'failed', type: 'charge.succeeded' }, { limit: 500, after: '41' }],
      ['dead letters', { source: 'stripe', reason: 'gave_up' }, { limit: 1 }],
    ]);
  });

  it('take an empty parameter for none', async () => {
    const { ask, calls } = admin();
    await ask.get('/api/deliveries?source=&state=');
    expect(calls.lists).toEqual([['deliveries', {}, { limit: 50 }]]);
  });

  it.each([
    ['/api/deliveries?limit=0', 'limit'],
    ['/api/deliveries?limit=501', 'limit'],
    ['/api/deliveries?limit=-1', 'limit'],
    ['/api/deliveries?limit=ten', 'limit'],
    ['/api/deliveries?limit=1&limit=2', 'limit'],
    ['/api/deliveries?state=lost', 'state'],
    ['/api/deliveries?source=No%20Name', 'source'],
    ['/api/deliveries?source[a]=b', 'source[a]'],
    ['/api/deliveries?after=%00', 'after'],
    ['/api/deliveries?sort=up', 'sort'],
    ['/api/deliveries?__proto__=1', '__proto__'],
    ['/api/dead-letters?reason=DROP%20TABLE', 'reason'],
    ['/api/sources?limit=1', 'limit'],
    ['/health?verbose=1', 'verbose'],
  ])('%s is 400 and names the parameter', async (path, parameter) => {
    const { ask, calls } = admin();
    const answer = await ask.get(path);
    expect(answer.status).toBe(400);
    expect(answer.type).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'bad_parameter', parameter });
    expect(calls.lists).toEqual([]);
  });

  it('have known secrets cut out, without hurting their form', async () => {
    const item = {
      ...{ id: 'dlv_1', source: 'stripe', provider: 'stripe', key: null, state: 'mapped', received_at: 'then' },
      ...{ type: `x ${CANARY}`, bytes: 123456, events: { created: 0, waiting: 0, delivered: 0, dead: 0 } },
    };
    const deliveries = async () => ({ items: [item], next: null }) as never;
    const { deps } = adminDeps();
    const { mask } = deps;
    mask.hide([CANARY, '123456']);
    const { ask } = admin({ mask, buffer: { ...deps.buffer, deliveries } });
    expect((await ask.get('/api/deliveries')).body.items).toEqual([{ ...item, type: 'x [masked]' }]);
  });
});

describe('sources', () => {
  it('say where to send and how they are, and hold no secret', async () => {
    const { body, text } = await admin().ask.get('/api/sources');
    expect(body.next).toBeNull();
    expect(body.items).toEqual([
      {
        name: 'stripe',
        provider: 'stripe',
        url: 'https://hooks.example.com/hooks/stripe',
        status: 'pass',
        reasons: [],
        state: 'open',
        revision: 'r1',
        missing: [],
        limits: { accept: '60000/min', forward: null },
        tolerance: null,
        keep: 'full',
        destinations: ['mixpanel'],
        counts: expect.objectContaining({ accepted: 3, delivered: 3, waiting: 0 }),
        unmapped: [],
      },
    ]);
    expect(text).not.toContain(CANARY);
  });

  it.each([
    [source({ verify: { kind: 'path_key' } }), 'https://hooks.example.com/hooks/stripe/<key>'],
    [source({ verify: { kind: 'token', query: 'k' } }), 'https://hooks.example.com/hooks/stripe?k=<key>'],
    [
      source({ url: 'https://me:pw@x.example/y?api_key=abcdefg&z=1' }),
      'https://[masked]@x.example/y?api_key=<key>&z=1',
    ],
    [source({ url: 'https://x.example/y' }), 'https://x.example/y'],
  ])('show a URL with its key left out', async (given, url) => {
    const sources = () => [{ status: sourceStatus(), source: given }];
    expect((await admin({ sources }).ask.get('/api/sources')).body.items[0].url).toBe(url);
  });

  it('that are closed or never loaded say why', async () => {
    const sources = () => [
      { status: sourceStatus({ name: 'a', missing: ['A_KEY'] }), source: source({ name: 'a' }) },
      { status: sourceStatus({ name: 'b', provider: null, revision: null, refused: 'bad yaml' }), source: null },
    ];
    const { items } = (await admin({ sources }).ask.get('/api/sources')).body;
    expect(items[0]).toMatchObject({ state: 'closed', status: 'warn', missing: ['A_KEY'] });
    expect(items[1]).toMatchObject({ state: 'closed', status: 'fail', limits: null, counts: null });
    expect(items[1].reasons[0]).toContain('bad yaml');
  });
});

describe('the sandbox', () => {
  it('is read and emptied in sandbox mode', async () => {
    let cleared = 0;
    const asked: unknown[] = [];
    const sandbox = {
      events: async (page: unknown) => {
        asked.push(page);
        return { items: [{ event: 'A' }], next: null };
      },
      profiles: async () => ({ items: [{ distinct_id: 'a', properties: {} }], next: null }),
      clear: async () => void cleared++,
    };
    const { ask } = admin({ sandbox });
    expect((await ask.get('/api/sandbox/events?limit=5')).body).toEqual({ items: [{ event: 'A' }], next: null });
    expect(asked).toEqual([{ limit: 5 }]);
    expect((await ask.get('/api/sandbox/profiles')).body.items).toEqual([{ distinct_id: 'a', properties: {} }]);
    expect((await ask.delete('/api/sandbox/events')).status).toBe(204);
    expect(cleared).toBe(1);
  });

  it('is not there otherwise', async () => {
    const { ask } = admin();
    for (const answer of [await ask.get('/api/sandbox/events'), await ask.delete('/api/sandbox/events')]) {
      expect(answer.status).toBe(404);
      expect(answer.type).toBe('application/problem+json');
    }
  });
});

describe('what goes wrong', () => {
  it('an unknown path is 404, another method 405 with Allow', async () => {
    const { ask } = admin();
    expect((await ask.get('/api/nothing')).body).toMatchObject({ code: 'not_found', status: 404 });
    const answer = await ask.post('/api/deliveries').send('{"a":');
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
    expect((await ask.put('/api/sandbox/events')).headers.allow).toBe('GET, HEAD, DELETE');
    expect((await ask.post('/livez')).status).toBe(405);
  });

  it('a path that cannot be decoded is 400 or 404, never a stack', async () => {
    const { status, text } = await admin().ask.get('/api/%E0%A4%A');
    expect([400, 404]).toContain(status);
    expect(text).not.toContain('node_modules');
  });

  it('a bug is 500 for the asker and told to the log', async () => {
    const { ask, calls } = admin({ health: async () => Promise.reject(new Error(`boom ${CANARY}`)) });
    const answer = await ask.get('/health?');
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ code: 'failed' });
    expect(answer.text).not.toMatch(/boom|at .*\.ts/);
    expect(calls.failures).toEqual([['GET /health', expect.any(Error)]]);
  });

  it('a buffer that never answers is 503 after the bound', async () => {
    const never = () => new Promise<never>(() => undefined);
    const { ask, calls } = admin({
      clock: stillClock({ late: true }),
      buffer: { ...adminDeps().deps.buffer, deliveries: never },
    });
    const answer = await ask.get('/api/deliveries');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(calls.failures).toEqual([]);
  });
});

describe('the page', () => {
  it('says how the relay is, allows no script and links to the rest', async () => {
    const { text, type, headers } = await admin().ask.get('/');
    expect(type).toBe('text/html');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='/);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(text).toContain('Webhooks are accepted and events are delivered; 0 events wait.');
    expect(text).toContain('https://hooks.example.com/hooks/stripe');
    for (const link of ['/health', '/metrics', '/api/sources']) expect(text).toContain(`href="${link}"`);
    expect(text).not.toMatch(/<script|style="|https?:\/\/(?!hooks\.example\.com)/);
  });

  it('says what is to look at, in the words of who said it, as text', async () => {
    const lastError = { reason: 'x', message: '<img src=x onerror=alert(1)>', at: NOW };
    const health = async () =>
      privateHealth(
        snapshot({
          destinations: [destinationStatus({ state: 'paused', lastError })],
          tally: tally({ oldestWaitingAt: NOW - 3_600_000 }),
        }),
      );
    const { text } = await admin({ health }).ask.get('/');
    expect(text).toContain('mixpanel refuses us');
    expect(text).toContain('60 minutes');
    expect(text).toContain('&lt;img');
    expect(text).not.toContain('<img');
  });

  it('says loudly that events go to the sandbox, only when they do', async () => {
    const empty = async () => ({ items: [], next: null });
    const sandbox = { events: empty, profiles: empty, clear: async () => undefined };
    expect((await admin({ sandbox }).ask.get('/')).text).toContain('MIXPANEL_TOKEN is not set');
    expect((await admin().ask.get('/')).text).not.toContain('MIXPANEL_TOKEN is not set');
  });

  it('says what to do when there is no source', async () => {
    expect((await admin({ sources: () => [] }).ask.get('/')).text).toContain('No source yet');
  });
});
