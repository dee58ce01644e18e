import { expect, it } from 'vitest';
import { tail } from '../../src/cli/tail.ts';
import { type FeedLine, TailLines, TOGETHER_MS } from '../../src/cli/tail-lines.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { apiRelay } from '../support/api-relay.ts';
import { call } from '../support/cli-folders.ts';
import { run } from '../support/program.ts';

/** Comes back at once. */
const hasty: Clock = {
  ...systemClock,
  wait: (ms, signal) => systemClock.wait(ms === 1_000 ? 1 : ms, signal),
};
const output = {
  result: () => undefined,
  json: () => undefined,
  say: () => undefined,
  style: (_: string, text: string) => text,
};
const at = (msg: string, more: Readonly<Record<string, unknown>> = {}): FeedLine => ({
  level: 'info',
  time: '2026-11-21T10:04:11.000Z',
  msg,
  ...more,
});
const accepted = (delivery: string) =>
  at('delivery.accepted', { source: 'stripe', status: 200, delivery, type: 'charge.succeeded', ms: 6.2 });
const mapped = (delivery: string, more = {}) =>
  at('delivery.mapped', { source: 'stripe', delivery, events: 1, dead: 0, ...more });

it('tells each request in one line, with what it became', () => {
  const lines = new TailLines(output);
  expect(lines.take(accepted('dlv_1'), 0)).toEqual([]);
  expect(lines.take(accepted('dlv_2'), 0)).toEqual([]);
  const head = '10:04:11 200 stripe     ';
  expect(lines.take(mapped('dlv_2', { events: 3 }), 5)).toEqual([`${head}dlv_2  charge.succeeded  → 3 events  6.2 ms`]);
  expect(lines.take(mapped('dlv_1'), 5)).toEqual([`${head}dlv_1  charge.succeeded  → 1 event  6.2 ms`]);
  expect(lines.take(accepted('dlv_3'), 5)).toEqual([]);
  const failed = at('delivery.failed', {
    source: 'stripe',
    delivery: 'dlv_3',
    reason: 'mapping_error',
    message: 'T0410',
  });
  expect(lines.take(failed, 6)).toEqual([`${head}dlv_3  charge.succeeded  → mapping_error: T0410  6.2 ms`]);
});

it('tells one that waits for its mapping without it, and what it became later', () => {
  const lines = new TailLines(output);
  lines.take(accepted('dlv_1'), 0);
  expect(lines.overdue(TOGETHER_MS - 1)).toEqual([]);
  expect(lines.overdue(TOGETHER_MS)).toEqual([expect.stringContaining('dlv_1  charge.succeeded  waits to be mapped')]);
  expect(lines.take(mapped('dlv_1'), 9_000)).toEqual(['10:04:11     stripe     dlv_1  → 1 event']);
});

it('tells refusals, batches and turns, and lets no text reach the terminal as more than text', () => {
  const lines = new TailLines(output);
  const one = (line: FeedLine) => lines.take(line, 0)[0];
  expect(one(at('delivery.refused', { source: 'github', status: 401, reason: 'no\u001b[31m fit', ms: 2 }))).toBe(
    '10:04:11 401 github     no\\u001b[31m fit  2 ms',
  );
  expect(one(at('delivery.refused', { source: 'github', status: 401, refused: 'ref_1', reason: 'no fit' }))).toBe(
    '10:04:11 401 github     ref_1  no fit',
  );
  const batch = { destination: 'mixpanel', batch: 'bat_1', events: 214, ms: 88 };
  expect(one(at('batch.sent', { ...batch, status: 200 }))).toBe('10:04:11  ⇡  mixpanel  bat_1  214 events  200  88 ms');
  expect(one(at('batch.retry', { ...batch, status: 503, message: 'busy' }))).toContain('503  retry: busy');
  expect(one(at('source.refused', { source: 'shop', line: 3 }))).toBe(
    '10:04:11  ·  source.refused  source shop  line 3',
  );
});

it('follows the feed by source and kind, comes back when it breaks, and ends when it is told to', async () => {
  const stop = new AbortController();
  let connections = 0;
  await using relay = await apiRelay((asked, response) => {
    connections += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const lines = [accepted(`dlv_${connections}`), mapped(`dlv_${connections}`)].map(
      (line) => `data: ${JSON.stringify(line)}\n\n`,
    );
    response.write(`retry: 2000\n\n${lines.join('')}event: dropped\ndata: {"lines":7}\n\n`);
    response.end();
    if (connections === 3) stop.abort();
    expect(Object.fromEntries(asked.query)).toEqual({ source: 'stripe', kind: 'delivery' });
    return null;
  });
  const options = { source: 'stripe', kind: 'delivery', url: relay.url };
  const { code, out, err } = await call((context) => tail(options, context, { clock: hasty, stop: stop.signal }));
  expect(code).toBe(0);
  expect(out).toMatch(/dlv_1 .*→ 1 event/);
  expect(err).toMatch(/7 lines were lost[\s\S]*the connection is gone; trying again[\s\S]*connected again/);
});

it('gives the lines of the feed as JSON', async () => {
  const stop = new AbortController();
  let connections = 0;
  await using relay = await apiRelay((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (++connections === 2) stop.abort();
    // In two pieces, through the middle of a character.
    const text = Buffer.from(`data: ${JSON.stringify(at('x', { who: 'Zoë' }))}\n\n`);
    const cut = text.indexOf('ë') + 1;
    response.write(text.subarray(0, cut), () => setImmediate(() => response.end(text.subarray(cut))));
    return null;
  });
  const { out } = await call((context) => tail({ url: relay.url }, context, { clock: hasty, stop: stop.signal }), true);
  expect(JSON.parse(out.split('\n')[0] ?? '')).toMatchObject({ msg: 'x', who: 'Zoë' });
});

it('is 3 when the relay is not reachable to begin with, and 1 when it refuses', async () => {
  const { code, out } = await run(['tail'], { RELAY_ADMIN_PORT: '1' });
  expect({ code, out }).toEqual({ code: 3, out: '' });
  for (const status of [401, 403, 503]) {
    await using relay = await apiRelay(() => status);
    const stop = new AbortController().signal;
    expect(await call((context) => tail({ url: relay.url }, context, { stop }))).toMatchObject({ code: 1 });
  }
});
