import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dead } from '../../src/cli/dead.ts';
import { type ReplayOptions, replay } from '../../src/cli/replay.ts';
import { systemClock } from '../../src/clock.ts';
import { type ApiAnswers, apiRelay } from '../support/api-relay.ts';
import { call } from '../support/cli-folders.ts';
import { temporaryFolder } from '../support/program.ts';

const record = (state: string, more = {}) => ({
  ...{ id: 'rpl_1', mode: 'remap', selection: { source: 'shop' }, state, count: 3, done: 3, delivered: 3, failed: 0 },
  ...{ nothing: 0, waiting: 0, last_failure: null, by: 'no token, 127.0.0.1', created_at: '2026-11-21T10:04:10.000Z' },
  ...more,
});
const sample = [{ id: 'dlv_1', delivery: 'dlv_1', before: [{ event: 'A' }], after: [{ event: 'B' }] }];
const warnings = [{ code: 'near_five_days', message: 'Mixpanel takes no events older than five days', count: 2 }];

/** A relay whose replay is done at the third look. */
function answers(end: object = record('done')): ApiAnswers {
  let looks = 0;
  return ({ method, path, json }) => {
    if (method === 'POST' && path === '/api/replays') {
      const { dry_run: dry } = json as { dry_run: boolean };
      return dry ? { dry_run: true, count: 3, sample, warnings } : { id: 'rpl_1', count: 3 };
    }
    if (path === '/api/replays') return { items: [record('done')], next: null };
    if (path !== '/api/replays/rpl_1') return undefined;
    if (method === 'DELETE') return record('cancelled', { done: 1, delivered: 1 });
    looks += 1;
    return looks < 3 ? record('running', { done: looks, delivered: looks, waiting: 1 }) : end;
  };
}

async function replayed(
  words: string[],
  options: ReplayOptions = {},
  more: { answer?: boolean; end?: object; json?: boolean } = {},
) {
  await using relay = await apiRelay(answers(more.end));
  const questions: string[] = [];
  const confirm = async (question: string) => {
    questions.push(question);
    return more.answer ?? true;
  };
  const clock = { ...systemClock, wait: async () => undefined };
  const said = await call(
    (context) => replay(words, { ...options, url: relay.url }, context, { clock, confirm }),
    more.json,
  );
  return { ...said, questions, asked: relay.asked };
}
const posted = (asked: readonly { method: string; json: unknown }[]) =>
  asked.filter(({ method }) => method === 'POST').map(({ json }) => json);

it('shows what would change and what to know, asks, then watches until all have arrived', async () => {
  const { code, out, err, questions, asked } = await replayed([], { source: 'shop', reason: 'mapping_error' });
  const selection = { source: 'shop', reason: 'mapping_error' };
  expect(posted(asked)).toEqual([
    { mode: 'remap', selection, dry_run: true },
    { mode: 'remap', selection, dry_run: false },
  ]);
  expect(questions).toEqual(['remap 3 deliveries?']);
  expect(err).toContain('event[0].event  before "A"  after "B"');
  expect(err).toContain('! Mixpanel takes no events older than five days (2)');
  expect(out).toBe('rpl_1  done  3 of 3: 3 delivered\n');
  expect(code).toBe(0);
});

it('does nothing when that is not wanted, and nothing but look with --dry-run', async () => {
  const refused = await replayed([], { source: 'shop' }, { answer: false });
  expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('Nothing was done.') });
  expect(posted(refused.asked)).toHaveLength(1);
  const dry = await replayed([], { source: 'shop', dryRun: true });
  expect(dry).toMatchObject({
    code: 0,
    questions: [],
    out: expect.stringContaining('3 deliveries would be mapped again.'),
  });
  expect(posted(dry.asked)).toEqual([{ mode: 'remap', selection: { source: 'shop' }, dry_run: true }]);
});

it('asks nobody with --yes or --json, and returns at once with --no-wait', async () => {
  const yes = await replayed(['dlv_1', 'dlv_2'], { yes: true });
  expect(posted(yes.asked)).toEqual([{ mode: 'remap', selection: { ids: ['dlv_1', 'dlv_2'] }, dry_run: false }]);
  const json = await replayed(['ded_1'], {}, { json: true });
  expect(posted(json.asked)).toEqual([{ mode: 'resend', selection: { ids: ['ded_1'] }, dry_run: false }]);
  expect(JSON.parse(json.out)).toMatchObject({ id: 'rpl_1', state: 'done', delivered: 3 });
  const once = await replayed(['dlv_1'], { yes: true, wait: false });
  expect(once).toMatchObject({ code: 0, out: 'rpl_1\n' });
  expect([...yes.questions, ...json.questions, ...once.questions]).toEqual([]);
});

it('is 1 when some failed again, or it was cancelled meanwhile', async () => {
  const failed = await replayed(
    [],
    { source: 'shop', yes: true },
    { end: record('done', { failed: 1, last_failure: 'T0410' }) },
  );
  expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('1 failed again (T0410)') });
  expect((await replayed([], { source: 'shop', yes: true }, { end: record('cancelled') })).code).toBe(1);
});

it('lists, shows and cancels replays', async () => {
  expect((await replayed(['list'])).out).toMatch(/rpl_1 +done +remap +3\/3 +0 +2026\S+ +\{"source":"shop"\}/);
  expect((await replayed(['show', 'rpl_1'])).out).toContain('remap of {"source":"shop"}');
  expect((await replayed(['cancel', 'rpl_1'])).out).toContain('rpl_1  cancelled  1 of 3');
});

it.each([
  ['nothing to select', [], {}, 'replay needs ids'],
  ['ids and a selection', ['dlv_1'], { source: 'shop' }, 'not both'],
  ['ids of two kinds', ['dlv_1', 'ded_1'], {}, 'one kind at a time'],
  ['two modes', ['dlv_1'], { remap: true, resend: true }, 'one of them'],
  ['what is no id', ['everything'], {}, 'is no id'],
  ['show without an id', ['show'], {}, 'takes one id'],
])('refuses %s', async (_, words, options, sentence) => {
  const { code, err, asked } = await replayed(words, options);
  expect({ code, err, asked }).toEqual({ code: 2, err: expect.stringContaining(sentence), asked: [] });
});

const letter = (id: string, kind: string, more = {}) => ({
  ...{
    id,
    source: 'shop',
    delivery: `dlv_${id}`,
    kind,
    reason: 'mapping_error',
    message: 'T0410 at 3:30: no\u001b[31m',
    attempts: 0,
  },
  ...{ created_at: '2026-11-21T10:04:10.000Z', ...more },
});
const letters = [letter('ded_1', 'mapping'), letter('ded_2', 'event', { reason: 'gave_up', event: { event: 'A' } })];
const invalid = letter('ded_4', 'event', { reason: 'invalid_event', event: { event: 'A' } });

async function buried(action: string, ids: string[] = [], options = {}, json = false) {
  const replays = answers();
  await using relay = await apiRelay((asked, response) => {
    const { path, query } = asked;
    if (path === '/api/dead-letters') {
      const kind = query.get('kind');
      const items = letters.filter((one) => kind === null || one.kind === kind);
      // A page may be empty and have a next one.
      return query.has('after') ? { items, next: null } : { items: [], next: 'more' };
    }
    return [...letters, invalid].find(({ id }) => path === `/api/dead-letters/${id}`) ?? replays(asked, response);
  });
  const said = await call(
    (context) => dead(action, ids, { yes: true, wait: false, ...options, url: relay.url }, context),
    json,
  );
  return { ...said, asked: relay.asked };
}

it('lists dead letters of all pages, fit for a terminal, and exports them as lines of JSON', async () => {
  const { code, out, asked } = await buried('list', [], { source: 'shop', reason: 'gave_up' });
  expect(out).toMatch(/ded_1 +shop +mapping +mapping_error +2026\S+ +T0410 at 3:30: no\\u001b/);
  expect(Object.fromEntries(asked[0]?.query ?? [])).toEqual({ source: 'shop', reason: 'gave_up', limit: '50' });
  expect(code).toBe(0);
  const exported = await buried('export');
  expect(
    exported.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(letters);
  expect(JSON.parse((await buried('list', [], {}, true)).out)).toEqual(letters);
});

it('shows one, with what to do next', async () => {
  expect(await buried('show', ['ded_1'])).toMatchObject({
    code: 0,
    err: expect.stringContaining('trackrelay explain dlv_ded_1'),
  });
  expect((await buried('show', ['ded_2'])).out).toContain('"event": "A"');
  expect((await buried('show', ['ded_2'])).err).toBe('Next: trackrelay dead retry ded_2\n');
  // As it is it would break the same rule again.
  const broken = await buried('show', ['ded_4']);
  expect(broken.err).toContain('trackrelay replay dlv_ded_4\n');
  expect(broken.err).toContain('trackrelay dead retry ded_4 --event one.json\n');
  expect(await buried('show', ['ded_3'])).toMatchObject({ code: 1 });
  expect(await buried('show')).toMatchObject({ code: 2 });
});

it('gives each its second chance in its own way: what was not mapped is mapped again, an event is sent again', async () => {
  const both = await buried('retry', ['ded_1', 'ded_2']);
  expect(posted(both.asked)).toEqual([
    { mode: 'remap', selection: { ids: ['dlv_ded_1'] }, dry_run: false },
    { mode: 'resend', selection: { ids: ['ded_2'] }, dry_run: false },
  ]);
  const selected = await buried('retry', [], { source: 'shop' });
  expect(posted(selected.asked)).toEqual([
    { mode: 'remap', selection: { source: 'shop', state: 'failed' }, dry_run: false },
    { mode: 'resend', selection: { source: 'shop', state: 'dead' }, dry_run: false },
  ]);
  expect(await buried('retry')).toMatchObject({ code: 2, err: expect.stringContaining('dead retry needs ids') });
  expect(await buried('bury')).toMatchObject({ code: 2, err: expect.stringContaining('list, show, retry, export') });
});

it('sends one edited by hand in its place, as it was shown or as a bare event', async () => {
  using folder = temporaryFolder('dead');
  const file = (text: string) => {
    const path = join(folder.path, 'one.json');
    writeFileSync(path, text);
    return { event: path };
  };
  const event = { event: 'Mended', properties: { distinct_id: 'u' } };
  for (const text of [JSON.stringify(event), JSON.stringify({ ...letters[1], event })]) {
    const { code, asked } = await buried('retry', ['ded_2'], file(text));
    expect({ code, posted: posted(asked) }).toEqual({
      code: 0,
      posted: [{ mode: 'resend', selection: { ids: ['ded_2'] }, event, dry_run: false }],
    });
  }
});

it.each<[string[], string, string]>([
  [['ded_1'], '{"event":"A"}', 'this is a mapping that failed'],
  [['ded_1', 'ded_2'], '{"event":"A"}', 'name its id'],
  [[], '{"event":"A"}', 'name its id'],
  [['ded_2'], '[{"event":"A"}]', 'must be one event'],
  [['ded_2'], '{"id":"ded_2"}', 'must be one event'],
  [['ded_2'], '{"event"', 'is no JSON'],
])('refuses an edited event for %j that is %s', async (ids, text, words) => {
  using folder = temporaryFolder('dead');
  const path = join(folder.path, 'one.json');
  writeFileSync(path, text);
  const { code, err, asked } = await buried('retry', ids, { event: path });
  expect({ code, err, posted: posted(asked) }).toEqual({ code: 2, err: expect.stringContaining(words), posted: [] });
});
