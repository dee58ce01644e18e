import { describe, expect, it } from 'vitest';
import type { Patience, ReplayAsked, ReplaysAccess } from '../../src/admin/deps.ts';
import type { ReplayRecord } from '../../src/buffer/replaying.ts';
import { admin } from '../support/admin-fixtures.ts';
import { createFakeClock, until } from '../support/fake-clock.ts';

const at = Date.UTC(2026, 10, 21, 10);
const record: ReplayRecord = {
  ...{ id: 'rpl_1', mode: 'remap', selection: { source: 'shop', since: at }, state: 'running', by: 'somebody' },
  ...{ count: 5, done: 3, delivered: 1, failed: 1, nothing: 1, waiting: 2, lastFailure: 'no' },
  ...{ createdAt: at, endedAt: null },
};

function replaying(given: Partial<ReplaysAccess> = {}) {
  const asked: { dry: ReplayAsked[]; started: [ReplayAsked, string][] } = { dry: [], started: [] };
  const changes = { same: 1, again: 0, changed: 1, new: 0, gone: 0, held: 0 };
  const item = { id: 'dlv_1', delivery: 'dlv_1', before: [{ event: 'A' }], after: [{ event: 'B' }], changes };
  const warnings = [{ code: 'too_old', message: '3 of them are too old', count: 3 }];
  const replays: ReplaysAccess = {
    dryRun: async (one) => {
      asked.dry.push(one);
      return { dry_run: true, count: 7, sample: [item], warnings };
    },
    start: async (one, by) => {
      asked.started.push([one, by]);
      return { id: 'rpl_9', count: 7 };
    },
    cancel: async () => 'cancelled',
    record: async (id) => (id === 'rpl_1' ? record : null),
    records: async () => ({ items: [record], next: null }),
    ...given,
  };
  const clock = createFakeClock();
  const { ask } = admin({ replays, token: 'full', readToken: 'read', clock });
  const authorization = 'Bearer full';
  return {
    asked,
    clock,
    post: (body: object) => ask.post('/api/replays').set({ authorization }).send(body),
    get: (path: string, token = 'full') => ask.get(path).set({ authorization: `Bearer ${token}` }),
    cancel: (id: string) => ask.delete(`/api/replays/${id}`).set({ authorization }),
  };
}

describe('a replay', () => {
  it('is tried out: 200 with count, sample and what to know, and nothing is begun', async () => {
    const { post, asked } = replaying();
    const { status, body } = await post({ mode: 'remap', selection: { ids: ['dlv_1'] }, dry_run: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dry_run: true, count: 7, sample: [{ delivery: 'dlv_1' }], warnings: [{ count: 3 }] });
    expect(asked).toEqual({ dry: [{ mode: 'remap', selection: { ids: ['dlv_1'] } }], started: [] });
  });

  it('is begun: 202 with its id, and who began it is on record', async () => {
    const { post, asked } = replaying();
    const selection = { source: 'shop', reason: 'mapping_error', since: '2026-11-21T10:00:00Z', until: '2026-11-22' };
    const { status, body } = await post({ mode: 'remap', selection, dry_run: false });
    expect({ status, body }).toEqual({ status: 202, body: { id: 'rpl_9', count: 7 } });
    const range = { since: at, until: Date.UTC(2026, 10, 22) };
    expect(asked.started[0]?.[0].selection).toEqual({ source: 'shop', reason: 'mapping_error', ...range });
    expect(asked.started[0]?.[1]).toMatch(/^RELAY_ADMIN_TOKEN, .*127\.0\.0\.1$/);
  });

  it('may carry one event edited by hand', async () => {
    const { post, asked } = replaying();
    const event = { event: 'Mended', properties: { distinct_id: 'u' } };
    expect((await post({ mode: 'resend', selection: { ids: ['ded_1'] }, event })).status).toBe(202);
    expect(asked.started[0]?.[0]).toEqual({ mode: 'resend', selection: { ids: ['ded_1'] }, edit: { event } });
  });

  it.each<[object, string]>([
    [{ mode: 'remap' }, 'selection'],
    [{ mode: 'remap', selection: {} }, 'selection'],
    [{ mode: 'remap', selection: null }, 'selection'],
    [{ mode: 'remap', selection: { ids: [] } }, 'selection.ids'],
    [{ mode: 'remap', selection: { ids: ['dlv_1'], source: 'shop' } }, 'selection'],
    [{ mode: 'remap', selection: { ids: Array.from({ length: 1_001 }, (_, n) => `dlv_${n}`) } }, 'selection.ids'],
    [{ mode: 'remap', selection: { sauce: 'shop' } }, 'selection.sauce'],
    [{ mode: 'remap', selection: { since: 'yesterday' } }, 'selection.since'],
    [{ mode: 'redo', selection: { source: 'shop' } }, 'mode'],
    [{ selection: { source: 'shop' } }, 'mode'],
    [{ mode: 'remap', selection: { source: 'shop' }, dry_run: 'yes' }, 'dry_run'],
    [{ mode: 'remap', selection: { source: 'shop' }, force: true }, 'force'],
  ])('is 400 by the field, and nobody is asked: %#', async (body, field) => {
    const { post, asked } = replaying();
    const answer = await post(body);
    expect(answer.body).toMatchObject({ status: 400, code: 'bad_body', field });
    expect(asked).toEqual({ dry: [], started: [] });
  });

  it.each([
    ['bad_selection', 400, 'bad_body'],
    ['bad_edit', 400, 'bad_body'],
    ['too_many', 409, 'too_many_replays'],
  ] as const)('that is refused as %s is %d', async (code, status, told) => {
    const refused = async () => ({ refused: { code, message: 'Because.' } });
    const { post } = replaying({ start: refused, dryRun: refused });
    for (const dry_run of [true, false]) {
      const { body } = await post({ mode: 'resend', selection: { state: 'dead' }, dry_run });
      expect(body).toMatchObject({ status, code: told, detail: 'Because.' });
    }
  });
});

describe('a replay that is not begun within 30 s', () => {
  const begin = async (start: ReplaysAccess['start'], isUnderWay: () => boolean) => {
    const { post, clock } = replaying({ start });
    const answer = post({ mode: 'remap', selection: { source: 'shop' } }).then((sent) => sent);
    await until(isUnderWay, 'the replay to be asked for');
    await clock.advance(29_999);
    return { answer, clock };
  };

  it('never begins when it was still counting: 503, no id, and the work is called off', async () => {
    let patience: Patience | null = null;
    const counts: ReplaysAccess['start'] = (_asked, _by, given) => {
      patience = given;
      return new Promise(() => undefined);
    };
    const { answer, clock } = await begin(counts, () => patience !== null);
    const over = (patience as Patience | null)?.over;
    expect(over?.aborted).toBe(false);
    await clock.advance(1);
    const { status, body, headers } = await answer;
    expect({ status, code: body.code, replay: body.replay }).toEqual({ status: 503, code: 'unavailable' });
    expect(body.detail).toContain('nothing was begun');
    expect(headers['retry-after']).toBe('5');
    expect(over?.aborted).toBe(true);
  });

  it('is named when it was just being kept: 503 with the id by which it is found', async () => {
    let stored = false;
    const stores: ReplaysAccess['start'] = (_asked, _by, { storing }) => {
      storing('rpl_77');
      stored = true;
      return new Promise(() => undefined);
    };
    const { answer, clock } = await begin(stores, () => stored);
    await clock.advance(1);
    const { status, body } = await answer;
    expect({ status, replay: body.replay }).toEqual({ status: 503, replay: 'rpl_77' });
    expect(body.detail).toContain('GET /api/replays/rpl_77');
  });

  it('is an error like any other when it fails in time', async () => {
    const fails: ReplaysAccess['start'] = async (_asked, _by, { storing }) => {
      storing('rpl_77');
      throw new Error('the disk is gone');
    };
    const { status, body } = await replaying({ start: fails }).post({ mode: 'remap', selection: { source: 'shop' } });
    expect({ status, replay: body.replay }).toEqual({ status: 500 });
  });
});

describe('records', () => {
  it('say what, how far, and by whom, also to who may only read', async () => {
    const { get } = replaying();
    const { body } = await get('/api/replays/rpl_1', 'read');
    expect(body).toEqual({
      ...{ id: 'rpl_1', mode: 'remap', selection: { source: 'shop', since: '2026-11-21T10:00:00.000Z' } },
      ...{ state: 'running', count: 5, done: 3, delivered: 1, failed: 1, nothing: 1, waiting: 2 },
      ...{ last_failure: 'no', by: 'somebody', created_at: '2026-11-21T10:00:00.000Z', ended_at: null },
    });
    expect((await get('/api/replays')).body).toEqual({ items: [body], next: null });
  });

  it('are 404 for one that is not known', async () => {
    const { get, cancel } = replaying({ cancel: async () => 'unknown' });
    expect((await get('/api/replays/rpl_2')).status).toBe(404);
    expect((await cancel('rpl_2')).status).toBe(404);
  });
});

describe('cancelling', () => {
  const of = (state: ReplayRecord['state'], outcome: 'cancelled' | 'ended') =>
    replaying({ cancel: async () => outcome, record: async () => ({ ...record, state, endedAt: at }) });

  it('answers with the record, and twice is the same', async () => {
    for (const outcome of ['cancelled', 'ended'] as const) {
      const { status, body } = await of('cancelled', outcome).cancel('rpl_1');
      expect({ status, state: body.state }).toEqual({ status: 200, state: 'cancelled' });
    }
  });

  it('is 409 for one that came to its end', async () => {
    expect((await of('done', 'ended').cancel('rpl_1')).body).toMatchObject({ status: 409, code: 'replay_ended' });
  });
});
