/** Lists and whole things over a real store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { admin, CANARY } from '../support/admin-fixtures.ts';
import { type MovedClock, mapped, movedClock, webhook } from '../support/buffer-fixtures.ts';

let folder: string;
let clock: MovedClock;
let keeper: BufferKeeper;
let ask: ReturnType<typeof admin>['ask'];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reading-'));
  clock = movedClock();
  keeper = await openSqliteBuffer({ folder, clock, bytesMax: 64 * 1024 * 1024, keepDeliveriesMs: 3_600_000 });
  ask = admin({ buffer: keeper }).ask;
});
afterEach(async () => {
  await keeper[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function accept(parts: Parameters<typeof webhook>[1] = {}): Promise<string> {
  return ((await keeper.accept(webhook(clock, parts))) as { id: string }).id;
}
const unmapped = () => keeper.nextDeliveries({ after: 0, limit: 100, bytesMax: 1_000_000 });
async function mapAll(events: number): Promise<void> {
  for (const delivery of await unmapped()) await keeper.commitMapped([mapped(delivery, events)]);
}
async function failAll(reason = 'mapping_error'): Promise<void> {
  const dead = [{ kind: 'mapping' as const, reason, message: 'T2001 at 1:1: no', attempts: 0 }];
  for (const delivery of await unmapped()) await keeper.commitMapped([{ delivery, state: 'failed', events: [], dead }]);
}
const lease = () =>
  keeper.lease({
    ...{ destination: 'mixpanel', turns: [{ source: 'shop', eventsMax: 100 }], bytesMax: 1e6, leaseMs: 60_000 },
  });
const ids = async (path: string): Promise<string[]> =>
  (await ask.get(path)).body.items.map(({ id }: { id: string }) => id);

describe('lists', () => {
  it('find deliveries by time of receipt: since inclusive, until exclusive, in any form of ISO', async () => {
    const found: string[] = [];
    for (let at = 0; at < 3; at++) {
      found.push(await accept());
      clock.advance(1_000);
    }
    const [first, second, third] = found as [string, string, string];
    expect(await ids('/api/deliveries?since=2026-01-01T00:00:01Z')).toEqual([third, second]);
    expect(await ids('/api/deliveries?until=2026-01-01T00:00:01.000Z')).toEqual([first]);
    expect(await ids('/api/deliveries?since=2026-01-01T01:00:01%2B01:00&until=2026-01-01T00:00:02')).toEqual([second]);
    expect(await ids('/api/deliveries?since=2026-01-02')).toEqual([]);
  });

  it.each(['yesterday', '2026-13-01', '1767225600', '2026-01-01T25:00:00Z', 'null'])(
    'take no %s for a time',
    async (text) => {
      const { body } = await ask.get(`/api/deliveries?since=${text}`);
      expect(body).toMatchObject({ status: 400, code: 'bad_parameter', parameter: 'since' });
    },
  );

  it('find dead letters by source, reason, kind or state, type and time, and go on by cursor', async () => {
    await accept({ source: 'shop', type: 'a' });
    await failAll('mapping_timeout');
    await accept({ source: 'blog', type: 'b' });
    await failAll();
    clock.advance(5_000);
    await accept({ source: 'blog', type: 'b' });
    await failAll();
    const found = async (query: string) => (await ids(`/api/dead-letters?${query}`)).length;
    expect(await found('')).toBe(3);
    expect(await found('source=blog')).toBe(2);
    expect(await found('reason=mapping_timeout')).toBe(1);
    expect(await found('kind=mapping&state=failed&destination=')).toBe(3);
    expect(await found('state=dead')).toBe(0);
    expect(await found('kind=event&state=failed')).toBe(0);
    expect(await found('type=b&since=2026-01-01T00:00:05Z')).toBe(1);
    const { body } = await ask.get('/api/dead-letters?limit=2');
    expect(await ids(`/api/dead-letters?limit=2&after=${body.next}`)).toHaveLength(1);
  });
});

describe('one delivery', () => {
  it('has its headers, body, events with their state, and attempts that went wrong', async () => {
    const id = await accept({ key: 'k-1' });
    await mapAll(3);
    const leased = await lease();
    const positions = leased.map(({ position }) => position);
    const note = { batch: 'bat_1', at: clock.now(), attempt: 1, status: 500, outcome: 'retry' as const };
    const words = { reason: 'server_error', message: 'oops', durationMs: 12.4, destination: 'mixpanel' };
    await keeper.noteAttempt({ ...note, ...words, positions });
    const letter = { kind: 'event' as const, reason: 'rejected', message: 'no such thing', attempts: 2 };
    await keeper.settle([
      { position: positions[0] as number, state: 'delivered' },
      { position: positions[1] as number, state: 'dead', letter },
    ]);
    const { status, body } = await ask.get(`/api/deliveries/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ id, source: 'shop', type: 'charge.succeeded', key: 'k-1', state: 'mapped', method: 'POST' },
      received_at: '2026-01-01T00:00:00.000Z',
      counts: { created: 3, waiting: 1, delivered: 1, dead: 1 },
      headers: { 'content-type': 'application/json' },
      query: { tag: ['a', 'b'] },
      ...{ body: '{"amount":1}', body_encoding: 'text', body_cut: false, events_left_out: 0 },
      attempts: [{ ...note, at: '2026-01-01T00:00:00.000Z', ms: 12, message: 'oops' }],
      dead_letters: [{ kind: 'event', reason: 'rejected' }],
    });
    expect(body.attempts[0].events).toEqual(body.events.map((event: { id: string }) => event.id));
    expect(body.events.map((event: { state: string }) => event.state)).toEqual(['delivered', 'dead', 'waiting']);
    expect(body.events[1]).toMatchObject({
      event: { event: 'charge ü', properties: { n: 1 } },
      last_words: 'no such thing',
      replay: null,
    });
  });

  it('shows bytes that are no text in base64', async () => {
    const id = await accept({ body: Uint8Array.of(0, 255, 7) });
    const { body } = await ask.get(`/api/deliveries/${id}`);
    expect(body).toMatchObject({ body: Buffer.of(0, 255, 7).toString('base64'), body_encoding: 'base64' });
  });

  it('says that its body is not kept any more', async () => {
    const id = await accept();
    const [delivery] = await unmapped();
    if (delivery) await keeper.commitMapped([{ ...mapped(delivery, 1), forgetBody: true }]);
    expect((await ask.get(`/api/deliveries/${id}`)).body).toMatchObject({ body: null, body_encoding: null });
  });

  it('shows no secret that its sender put into headers or query, nor a known one anywhere', async () => {
    const id = await accept({
      headers: {
        'x-api-key': 'abc123',
        'x-their-token': 'abc123',
        'x-url': `https://x/?k=${CANARY}`,
        'x-plain': 'yes',
      },
      query: { api_key: 'abc123', access_token: ['abc123', 'abc123'], page: '2' },
      body: Buffer.from(`{"s":"${CANARY}"}`),
    });
    const binary = await accept({ body: Buffer.concat([Buffer.of(255), Buffer.from(CANARY)]) });
    const { body, text } = await ask.get(`/api/deliveries/${id}`);
    expect(text).not.toMatch(/abc123|canary/);
    expect(body.headers).toMatchObject({ 'x-plain': 'yes', 'x-api-key': '•••' });
    expect(body.query).toEqual({ api_key: '•••', access_token: '•••', page: '2' });
    const shown = (await ask.get(`/api/deliveries/${binary}`)).body.body;
    expect(Buffer.from(shown, 'base64').toString('latin1')).not.toContain(CANARY);
  });

  it.each(['dlv_nobody', 'nonsense', 'dlv_..%2F', '__proto__'])('is 404 for %s', async (id) => {
    expect((await ask.get(`/api/deliveries/${id}`)).status).toBe(404);
    expect((await ask.get(`/api/dead-letters/${id}`)).status).toBe(404);
  });
});

describe('one dead letter', () => {
  it('says what failed and why, of which delivery, and what was received when', async () => {
    const delivery = await accept();
    await failAll();
    const [id] = await ids('/api/dead-letters');
    const { body } = await ask.get(`/api/dead-letters/${id}`);
    expect(body).toMatchObject({
      ...{ id, delivery, kind: 'mapping', reason: 'mapping_error', message: 'T2001 at 1:1: no', attempts: 0 },
      ...{ type: 'charge.succeeded', received_at: '2026-01-01T00:00:00.000Z', event_id: null, event_time: null },
    });
  });
});
