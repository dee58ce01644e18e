import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WholeDelivery } from '../../src/buffer/reading.ts';
import { systemClock } from '../../src/clock.ts';
import { createRunner, type Runner } from '../../src/mapping/runner.ts';
import { createPreviews, type Previews } from '../../src/wiring/previews.ts';
import { admin } from '../support/admin-fixtures.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { shape, source } from '../support/mapping.ts';

const receivedAt = Date.now() - 60_000;
const kept = (given: Partial<WholeDelivery> = {}): WholeDelivery => ({
  summary: {
    ...{ id: 'dlv_kept', source: 'acme', provider: 'custom', type: null, key: 'k-1', state: 'mapped', bytes: 2 },
    received_at: new Date(receivedAt).toISOString(),
    events: { created: 0, waiting: 0, delivered: 0, dead: 0 },
  },
  ...{ method: 'POST', headers: { 'content-type': 'application/json', 'x-more': 'yes' }, query: { a: 'b' } },
  ...{ body: Buffer.from('{"type":"paid","amount":3}'), events: [], eventsLeftOut: 0, deadLetters: [] },
  ...given,
});

const deliveries: Record<string, WholeDelivery> = {
  dlv_kept: kept(),
  dlv_gone: kept({ body: null }),
  dlv_other: kept({ summary: { ...kept().summary, source: 'another' } }),
};
let runners: Runner[] = [];
let previews: Previews;
let ask: ReturnType<typeof admin>['ask'];

function create(clock = systemClock) {
  return createPreviews({
    clock,
    buffer: { delivery: async (id) => deliveries[id] ?? null },
    sourceOf: (name) =>
      name === 'acme' ? source('acme', { deliveryId: 'id', destinations: ['mixpanel', 'b'] }) : null,
    shape,
    openRunner: () => {
      const runner = createRunner({ clock: systemClock });
      runners.push(runner);
      return runner;
    },
  });
}

beforeAll(() => {
  previews = create();
  ask = admin({ preview: previews.ask, clock: systemClock, token: 'full', readToken: 'read' }).ask;
});
afterAll(async () => {
  await previews[Symbol.asyncDispose]();
});

const preview = (body: object, name = 'acme', token = 'read') =>
  ask
    .post(`/api/sources/${name}/preview`)
    .set({ authorization: `Bearer ${token}` })
    .send(body);
const mapping = '{"event": "Paid", "properties": {"distinct_id": "u", "n": amount}}';

describe('a preview', () => {
  it('answers the events of a payload as the destination would take them, also to who may only read', async () => {
    const before = Date.now();
    const { status, body } = await preview({ mapping, payload: { id: 'k-1', amount: 3 } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ broken: [], left_out: 0 });
    const [{ event, properties }] = body.events;
    expect({ event, n: properties.n, token: properties.token }).toEqual({ event: 'Paid', n: 3, token: undefined });
    expect(properties.time).toBeGreaterThanOrEqual(before);
    // Of the id that the source's own expression finds, as at the door.
    const kept = (await preview({ mapping, delivery: 'dlv_kept' })).body.events[0].properties;
    expect(properties.$insert_id).toBe(kept.$insert_id);
  });

  it('answers those of a kept delivery, with its time, headers, query and key', async () => {
    const text =
      '{"event": $headers."x-more" & $query.a & $delivery.key & $delivery.id, "properties": {"distinct_id": "u"}}';
    const { body } = await preview({ mapping: text, delivery: 'dlv_kept' });
    expect(body.events[0].event).toBe('yesbk-1dlv_kept');
    expect(body.events[0].properties.time).toBe(receivedAt);
  });

  it('takes a text of another content type as it is, with headers and query', async () => {
    const { body } = await preview({
      mapping: '{"event": first & $query.q & $headers.`x-a`, "properties": {"distinct_id": "u"}}',
      payload: 'first=one&second=two',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'X-A': 'three' },
      query: { q: 'two' },
    });
    expect(body.events[0].event).toBe('onetwothree');
  });

  it('takes a body byte for byte, as text or base64, and reads it as its headers say', async () => {
    const text = '{"event": first & $delivery.key, "properties": {"distinct_id": "u"}}';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = 'first=%C3%A4&id=k-2';
    for (const sent of [{ body }, { body: Buffer.from(body).toString('base64'), body_encoding: 'base64' }])
      expect((await preview({ mapping: text, headers, ...sent })).body.events[0].event).toBe('äk-2');
    const broken = await preview({ mapping: text, body: '{"first"', headers: { 'content-type': 'application/json' } });
    expect(broken.body).toMatchObject({ status: 422, message: expect.stringContaining('not JSON') });
  });

  it.each([
    [{ payload: {}, body: '{}' }, 'one of `payload`, `body` and `delivery`'],
    [{}, 'one of `payload`, `body` and `delivery`'],
    [{ payload: {}, body_encoding: 'text' }, '`body_encoding` only with a `body`'],
    [{ delivery: 'dlv_kept', headers: {} }, '`headers` and `query` only with'],
  ])('of %j is refused', async (asked, words) => {
    const { status, body } = await preview({ mapping, ...asked });
    expect({ status, detail: body.detail }).toEqual({ status: 400, detail: expect.stringContaining(words) });
  });

  it('names each output that breaks a rule, beside the events of its siblings', async () => {
    const text = '[{"event": "A"}, {"nothing": 1}, {"event": "B", "properties": {"distinct_id": "null"}}]';
    const { body } = await preview({ mapping: text, payload: {} });
    expect(body.events.map(({ event }: { event: string }) => event)).toEqual(['A']);
    expect(body.broken).toEqual([
      { output: 2, rule: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/./) },
      { output: 3, rule: expect.stringMatching(/distinct_id/), message: expect.stringMatching(/./) },
    ]);
  });

  it('shows the first thousand of two', async () => {
    const text = '[1..2000].{"event": "E" & $string($), "properties": {}}';
    const { body } = await preview({ mapping: text, payload: {} });
    expect(body.events).toHaveLength(1_000);
    expect(body.left_out).toBe(1_000);
  });

  it('of a mapping that gives nothing is an answer without events', async () => {
    expect((await preview({ mapping: 'nothing.here', payload: {} })).body).toEqual({
      events: [],
      broken: [],
      left_out: 0,
    });
  });
});

describe('a mapping that fails', () => {
  it('says where its text is wrong', async () => {
    const { status, body, type } = await preview({ mapping: '{\n  "event": "A",\n  "properties": {', payload: {} });
    expect({ status, type }).toEqual({ status: 422, type: 'application/problem+json' });
    expect(body).toMatchObject({
      code: expect.stringMatching(/^S0\d+$/),
      line: 3,
      message: expect.stringMatching(/./),
    });
    expect(body.column).toBeGreaterThan(0);
  });

  it('says where it went wrong as it ran', async () => {
    const { status, body } = await preview({ mapping: '(\n  $x := "a";\n  $x + 1\n)', payload: {} });
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'T2001', reason: 'mapping_error', line: 3, column: 6 });
    expect(body.message).not.toContain('T2001');
  });

  it('has no position where JSONata gives none', async () => {
    const { body } = await preview({ mapping: '5', payload: {} });
    expect(body).toMatchObject({ status: 422, code: 'mapping_output' });
    expect(body).not.toHaveProperty('line');
  });

  it('is stopped when it does not end, and costs nobody else a preview', async () => {
    const loop = '($f := function($n) { $f($n) }; $f(1))';
    const [stopped, fine] = await Promise.all([
      preview({ mapping: loop, payload: {} }),
      preview({ mapping, payload: { amount: 1 } }),
    ]);
    expect(stopped.body).toMatchObject({ status: 422, reason: 'mapping_timeout' });
    expect(fine.status).toBe(200);
  });

  it('because its payload cannot be a body says so', async () => {
    const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));
    const raw = `{"mapping":"1","payload":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    expect(deep).toBeDefined();
    const answer = await ask
      .post('/api/sources/acme/preview')
      .set({ authorization: 'Bearer full', 'content-type': 'application/json' })
      .send(raw);
    expect(answer.body).toMatchObject({ status: 422, code: 'mapping_error' });
  });
});

describe('what cannot be previewed', () => {
  it.each<[object, string | undefined]>([
    [{ payload: {} }, 'mapping'],
    [{ mapping }, ''],
    [{ mapping, payload: {}, delivery: 'dlv_kept' }, ''],
    [{ mapping, delivery: 'dlv_kept', headers: {} }, ''],
    [{ mapping: 5, payload: {} }, 'mapping'],
    [{ mapping, payload: {}, more: 1 }, 'more'],
    [{ mapping, payload: {}, headers: { a: 1 } }, 'headers.a'],
    [{ mapping: 'x'.repeat(70_000), payload: {} }, 'mapping'],
    [{ mapping, payload: {}, destination: 'c' }, 'destination'],
  ])('is 400, by the field: %#', async (body, field) => {
    expect((await preview(body)).body).toMatchObject({ status: 400, code: 'bad_body', field });
  });

  it('is 404 for a source or a delivery that is not there, or is another source’s', async () => {
    expect((await preview({ mapping, payload: {} }, 'nobody')).status).toBe(404);
    expect((await preview({ mapping, delivery: 'dlv_none' })).status).toBe(404);
    expect((await preview({ mapping, delivery: 'dlv_other' })).status).toBe(404);
  });

  it('is 409 for a delivery whose body is gone', async () => {
    expect((await preview({ mapping, delivery: 'dlv_gone' })).body).toMatchObject({ status: 409, code: 'body_gone' });
  });

  it('is 413 and 415 for what is too large or no JSON', async () => {
    expect((await preview({ mapping, payload: 'x'.repeat(4 * 1024 * 1024) })).status).toBe(413);
    const form = ask.post('/api/sources/acme/preview').set({ authorization: 'Bearer full' }).type('form').send('a=b');
    expect((await form).status).toBe(415);
  });
});

it('more than eight at once are told to come again', async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => previews.ask({ source: 'acme', mapping, payload: {} })),
  );
  const kinds = Map.groupBy(answers, ({ kind }) => kind);
  expect(kinds.get('made')).toHaveLength(8);
  expect(kinds.get('busy')).toHaveLength(22);
});

it('evaluators start with the first, and end after a minute without any', async () => {
  runners = [];
  const clock = createFakeClock();
  await using own = create(clock);
  expect(runners).toHaveLength(0);
  await own.ask({ source: 'acme', mapping, payload: {} });
  await clock.advance(59_000);
  await own.ask({ source: 'acme', mapping, payload: {} });
  await clock.advance(59_000);
  expect(runners).toHaveLength(1);
  expect(runners[0]?.state.pids.length).toBeGreaterThan(0);
  await clock.advance(1_000);
  await expect(runners[0]?.compile('1')).rejects.toThrow('closed');
  await own.ask({ source: 'acme', mapping, payload: {} });
  expect(runners).toHaveLength(2);
});
