import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAdminApp } from '../../src/admin/admin-app.ts';
import { createFeed } from '../../src/observe/feed.ts';
import { admin, adminDeps } from '../support/admin-fixtures.ts';
import { checked } from '../support/checked-answers.ts';
import { createFakeClock, until } from '../support/fake-clock.ts';

async function open() {
  const clock = createFakeClock();
  const { deps } = adminDeps({ clock });
  const feed = createFeed({ clock, mask: deps.mask });
  const server = createServer(checked(createAdminApp({ ...deps, feed })));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const listen = async (query = '') => {
    const leave = new AbortController();
    const answer = await fetch(`http://127.0.0.1:${port}/api/feed${query}`, { signal: leave.signal });
    let text = '';
    let over = false;
    const reading = (async () => {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
      over = true;
    })().catch(() => undefined);
    return { answer, leave, reading, text: () => text, over: () => over };
  };
  return {
    ...{ clock, feed, port, listen },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

describe('the feed over HTTP', () => {
  it('tells each line as one message, in order', async () => {
    await using here = await open();
    const { answer, text } = await here.listen('?kind=delivery');
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await until(() => text().startsWith('retry: 2000\n\n'));
    here.feed.tell('info', 'delivery.accepted', { source: 'stripe', delivery: 'dlv_1' });
    here.feed.tell('info', 'batch.sent', {});
    here.feed.tell('info', 'delivery.duplicate', { source: 'stripe', delivery: 'dlv_1' });
    await here.clock.advance(100);
    await until(() => text().includes('duplicate'), 'both lines');
    const messages = text()
      .split('\n\n')
      .filter((one) => one.startsWith('data: '));
    expect(messages.map((one) => JSON.parse(one.slice(6)).msg)).toEqual(['delivery.accepted', 'delivery.duplicate']);
  });

  it('says every 15 s that it is still there', async () => {
    await using here = await open();
    const { text } = await here.listen();
    await until(() => here.clock.waits().includes(15_000), 'it to wait');
    await here.clock.advance(15_000);
    await until(() => text().includes(': still here\n\n'), 'a comment');
    expect(text()).not.toContain('data:');
  });

  it('says how many lines were lost, and never waits for who does not read', async () => {
    await using here = await open();
    const { text } = await here.listen();
    await until(() => here.clock.waits().includes(15_000), 'it to wait');
    for (let at = 0; at < 800; at++) here.feed.tell('info', 'delivery.accepted', { at });
    await here.clock.advance(100);
    await until(() => text().includes('event: dropped\ndata: {"lines":300}\n\n'), 'the count');
  });

  it('ends when the relay stops', async () => {
    await using here = await open();
    const { over, reading } = await here.listen();
    await until(() => here.clock.waits().includes(15_000), 'it to wait');
    here.feed.close();
    await here.clock.advance(100);
    await reading;
    expect(over()).toBe(true);
    expect((await fetch(`http://127.0.0.1:${here.port}/api/feed`)).status).toBe(503);
  });

  it('makes room for another when one has gone', async () => {
    await using here = await open();
    const all = await Promise.all(Array.from({ length: 20 }, () => here.listen()));
    const refused = await fetch(`http://127.0.0.1:${here.port}/api/feed`);
    expect({ status: refused.status, code: ((await refused.json()) as { code: string }).code }).toEqual({
      status: 503,
      code: 'unavailable',
    });
    all[0]?.leave.abort();
    await until(() => {
      const free = here.feed.listen({});
      free?.[Symbol.dispose]();
      return free !== null;
    }, 'a place');
    expect((await here.listen()).answer.status).toBe(200);
  });

  it('lets go of a reader that takes nothing for half a minute', async () => {
    await using here = await open();
    const socket = connect(here.port, '127.0.0.1');
    await new Promise<void>((ready) => socket.once('connect', ready));
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /api/feed HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await until(() => here.clock.waits().includes(15_000), 'it to listen');
    const stalled = () => here.clock.waits().some((ms) => ms > 15_000);
    // The sockets' own buffers take some megabytes first.
    for (let round = 0; round < 200 && !stalled(); round++) {
      for (let at = 0; at < 500; at++) here.feed.tell('info', 'delivery.accepted', { filler: 'x'.repeat(400), at });
      await here.clock.advance(100);
    }
    expect(stalled()).toBe(true);
    await here.clock.advance(30_000);
    socket.resume();
    await until(() => closed, 'the end');
  });
});

it.each(['?kind=Delivery', '?kind=delivery%20x', '?kind=,', '?source=No%20Name', '?level=info'])(
  'a filter like %s is 400',
  async (query) => {
    expect((await admin().ask.get(`/api/feed${query}`)).status).toBe(400);
  },
);

it('HEAD of it is answered at once', async () => {
  const answer = await admin().ask.head('/api/feed');
  expect({ status: answer.status, type: answer.type }).toEqual({ status: 200, type: 'text/event-stream' });
});
