/** Answers of Bloomreach, and what the sender makes of each: the rows that test/forward/errors-table.test.ts plays. */
import type { Fault } from '../../src/destinations/sandbox/faults.ts';
import type { AnswerCase } from './answer-cases.ts';
import type { BloomreachLaneOptions, CommandKind } from './bloomreach-lane.ts';

export type BloomreachCase = AnswerCase & {
  readonly to: 'batch';
  /** Three events unless given. */
  readonly commands?: readonly CommandKind[];
  readonly lane?: BloomreachLaneOptions;
};

const body = (value: unknown) => JSON.stringify(value);
const good = { success: true };
const results = (...list: readonly unknown[]): Fault => ({
  ...{ status: 200, ingest: 'all' },
  body: body({ results: list, start_time: 1.5, end_time: 1.6, success: true }),
});
const refusal = (status: number, words: object): Fault => ({ status, body: body({ success: false, ...words }) });
const page = { status: 200, body: '<html>Welcome</html>' };
const one: readonly CommandKind[] = ['event'];
const often = <T>(times: number, value: T): readonly T[] => Array(times).fill(value);
/** Two halves of three commands, then two of the larger one. */
const allRefused = { outcomes: often(5, 'split'), dead: often(3, 'rejected') };
const halved = ['split', 'delivered', 'delivered'];
const again = ['retry', 'delivered'];
const paused = ['pause', 'delivered'];

const rows: readonly Omit<BloomreachCase, 'to'>[] = [
  { row: '20', name: 'all with success', answers: [], outcomes: ['delivered'] },
  { row: '20', name: 'updates', commands: often(3, 'update'), answers: [], outcomes: ['delivered'] },
  { row: '20', name: 'ids that do not come back', answers: [results(good, good, good)], outcomes: ['delivered'] },
  {
    ...{ row: '21', name: 'an event that the key may not send', answers: [] },
    ...{ commands: ['event', 'denied event', 'event'], outcomes: ['partial'], dead: ['blocked'] },
  },
  {
    ...{ row: '21', name: 'a property that the key may not set', answers: [] },
    ...{ commands: ['update', 'update', 'denied update'], outcomes: ['partial'], dead: ['blocked'] },
  },
  {
    ...{ row: '21', name: 'nothing but what the key may not send', answers: [] },
    ...{ commands: often(3, 'denied event'), outcomes: ['partial'], dead: often(3, 'blocked') },
  },
  {
    ...{ row: '21', name: 'a command without a customer', answers: [] },
    ...{ commands: ['nobody', 'event', 'denied event'], outcomes: ['partial'], dead: ['rejected', 'blocked'] },
  },
  {
    ...{ row: '21 odd', name: 'a result that says neither', answers: [results(good, { success: 'yes' }, good)] },
    ...{ outcomes: ['partial', 'delivered'], raw: 4 },
  },
  {
    ...{ row: '21 odd', name: 'the same three times', raw: 5 },
    answers: [results(good, null, good), results(null), results(null)],
    ...{ outcomes: often(3, 'partial'), dead: ['unreadable_answer'] },
  },
  ...(
    [
      ['fewer results than commands', [good, good]],
      ['more results than commands', often(4, good)],
      ['results of other commands', [good, { success: true, command_id: 'evt_other' }, good]],
    ] as const
  ).flatMap(([name, list]) => [
    { row: '22', name, answers: [results(...list)], outcomes: again, raw: 6 },
    {
      ...{ row: '22', name: `${name}, twice`, answers: often(2, results(...list)), raw: 6 },
      ...{ outcomes: often(2, 'retry'), dead: often(3, 'unreadable_answer') },
    },
  ]),
  ...[{ errors: ['no'] }, { errors: { _global: ['no'] } }, { error: 'no' }, { message: 'no' }].map((words) => ({
    ...{ row: '23', name: `success false and ${body(words)}`, answers: [refusal(200, words)], outcomes: halved },
  })),
  { row: '23', name: 'success false to all', answers: often(5, refusal(200, { errors: ['no'] })), ...allRefused },
  ...[401, 403, 404, 405, 414, 415, 301, 302, 307, 308].map((status) => ({
    ...{
      row: status === 414 || status === 415 ? '12' : '10',
      name: `${status}`,
      answers: [{ status, body: '' }],
      outcomes: paused,
    },
  })),
  ...(
    [
      ['an unknown key', 401, { key: { id: 'key-of-nobody', secret: 'secret-of-the-tests' } }],
      ['an unknown public token', 401, { key: { publicToken: 'token-of-nobody' } }],
      ['a wrong secret', 403, { key: { id: 'key-of-the-tests', secret: 'secret-of-nobody' } }],
    ] as const
  ).map(([name, status, client]) => ({
    ...{ row: '10', name, answers: [], status, lane: { client }, outcomes: ['pause'], raw: 0 },
  })),
  {
    ...{ row: '24', name: 'an unknown project', answers: [], status: 400, raw: 0 },
    ...{ lane: { client: { projectToken: 'project-of-nobody' } }, outcomes: ['pause'] },
  },
  ...[200, 400, 409].flatMap((status) =>
    ['Could not authenticate', 'Invalid project id'].map((error) => ({
      ...{ row: '24', name: `${status} ${error}`, answers: [refusal(status, { error })], outcomes: paused },
    })),
  ),
  ...[
    '{"success":false,"message":"Invalid JSON"}',
    '{"success":false,"message":"No commands"}',
    'BadRequest: no',
    '',
  ].map((text) => ({ row: '25', name: `400 ${text}`, answers: [{ status: 400, body: text }], outcomes: halved })),
  {
    ...{ row: '25', name: 'one command that makes all of them unreadable', answers: [], status: 400 },
    ...{ commands: ['event', 'event', 'broken'], outcomes: ['split', 'delivered', 'split'], dead: ['rejected'] },
  },
  { row: '25', name: '400 to all', answers: often(5, refusal(400, { message: 'Invalid JSON' })), ...allRefused },
  ...[402, 406, 409, 410, 422, 451].map((status) => ({
    ...{ row: '16', name: `${status}`, answers: [{ status }], outcomes: halved },
  })),
  { row: '16', name: '422 to all', answers: often(5, { status: 422 }), ...allRefused },
  { row: '11', name: '413', answers: [{ status: 413, body: '<h1>Too Large</h1>' }], outcomes: halved },
  {
    ...{ row: '11', name: '413 to one alone', commands: one, answers: [{ status: 413 }] },
    ...{ outcomes: ['split'], dead: ['too_large'] },
  },
  ...[408, 425].map((status) => ({ row: '13', name: `${status}`, answers: [{ status }], outcomes: again })),
  { row: '13', name: '429', commands: one, answers: [{ status: 429 }], outcomes: again },
  {
    ...{ row: '13', name: '429 with a time', commands: one, outcomes: again },
    answers: [{ status: 429, headers: { 'retry-after': '45' } }],
  },
  {
    // The second is one command, because after a 429 fewer go at once.
    ...{ row: '13', name: 'a second request within the second that takes one', commands: often(51, 'event') },
    ...{ answers: [], status: 429, lane: { requestsPerSecond: 1 }, outcomes: ['delivered', 'retry', 'delivered'] },
  },
  ...[500, 502, 503, 504, 520, 524].map(
    (status): Omit<BloomreachCase, 'to'> => ({
      ...{ row: '14', name: `${status}, half of it stored`, answers: [{ status, ingest: 'half', body: 'upstream' }] },
      ...{ outcomes: again, raw: 5 },
    }),
  ),
  {
    ...{ row: '14', name: '503 with a time', answers: [{ status: 503, headers: { 'retry-after': '45' } }] },
    outcomes: again,
  },
  { row: '15', name: 'cut off before it was looked at', answers: [{ closeBefore: true }], outcomes: again },
  { row: '15', name: 'cut off when it was stored', answers: [{ closeAfterIngest: true }], outcomes: again, raw: 6 },
  { row: '15', name: 'later than 30 s', answers: [{ delayMs: 31_000 }], outcomes: again },
  {
    row: '15a',
    name: 'TLS where there is none',
    answers: [],
    status: null,
    lane: { scheme: 'https' },
    outcomes: ['pause'],
    raw: 0,
  },
  {
    ...{ row: '4', name: 'a page, three times', answers: often(3, page) },
    ...{ outcomes: often(3, 'retry'), dead: often(3, 'unreadable_answer') },
  },
  ...['', 'null', '{}', '{"success":true}', '{"results":{}}'].map((text) => ({
    ...{ row: '4', name: `200 ${text}, twice`, answers: often(2, { status: 200, body: text }) },
    outcomes: ['retry', 'retry', 'delivered'],
  })),
];

export const bloomreachCases: readonly BloomreachCase[] = rows.map((row) => ({ to: 'batch', ...row }));
