/** Answers of Mixpanel, and what the sender makes of each: the rows that test/forward/errors-table.test.ts plays. */
import type { Receiver } from '../../scripts/answers-table.ts';
import type { Endpoint, Fault, Order } from '../../src/destinations/sandbox/faults.ts';
import type { LaneOptions } from './lane.ts';

export type AnswerCase = {
  readonly row: string;
  readonly to: Receiver;
  readonly name: string;
  /** Of the first requests; the sandbox answers the others as it is. */
  readonly answers: readonly (Fault | Order)[];
  /** Of the first answer that is not a success; unless given the one that was ordered first, or 200. Null: none. */
  readonly status?: number | null;
  /** What the requests came to, in order. */
  readonly outcomes: readonly string[];
  /** Reasons of the dead letters; none unless given. */
  readonly dead?: readonly string[];
  /** Copies the sandbox has of what it keeps; unless given as many as were not buried. */
  readonly raw?: number;
};

export type MixpanelCase = AnswerCase & {
  readonly to: Endpoint;
  /** Events or updates; three unless given. */
  readonly count?: number;
  /** Updates that go once. */
  readonly once?: true;
  readonly lane?: LaneOptions;
};

const body = (value: unknown) => JSON.stringify(value);
const partly = (imported: number, ...failed: object[]): Fault => ({
  status: 400,
  body: body({ code: 400, error: 'some failed', num_records_imported: imported, failed_records: failed }),
});
const ok = (imported: number) => body({ code: 200, num_records_imported: imported, status: 'OK' });
const bad = { status: 400, body: body({ code: 400, error: 'no', status: 'Bad Request' }) };
const zero = { status: 200, body: body({ error: 'data, missing or empty', status: 0 }) };
const page = { status: 200, body: '<html>Welcome</html>' };
const EVENTS: readonly Endpoint[] = ['track', 'import'];
const ALL: readonly Endpoint[] = ['track', 'import', 'engage', 'groups'];
const each = (to: readonly Endpoint[], made: (to: Endpoint) => Omit<MixpanelCase, 'to'>) =>
  to.map((one) => ({ to: one, ...made(one) }));
/** Two halves of three events, then two of the larger one. */
const allRefused = {
  outcomes: ['split', 'split', 'split', 'split', 'split'],
  dead: ['rejected', 'rejected', 'rejected'],
};

export const mixpanelCases: readonly MixpanelCase[] = [
  ...each(['track', 'engage', 'groups'], () => ({ row: '1', name: 'status 1', answers: [], outcomes: ['delivered'] })),
  { row: '1', to: 'track', name: '1', answers: [{ status: 200, body: '1', ingest: 'all' }], outcomes: ['delivered'] },
  { row: '2', to: 'track', name: 'status 0 to all', answers: Array(5).fill(zero), ...allRefused },
  {
    row: '2',
    to: 'track',
    name: '0 to all, 1 to halves',
    answers: [{ status: 200, body: '0' }],
    outcomes: ['split', 'delivered', 'delivered'],
  },
  {
    row: '2 token',
    to: 'track',
    name: 'a refused token',
    answers: [{ status: 200, body: body({ error: 'token, missing or empty', status: 0 }) }],
    outcomes: ['pause', 'delivered'],
  },
  ...each(['engage', 'groups'], () => ({
    row: '3',
    name: 'status 0 to all',
    answers: Array(5).fill(zero),
    ...allRefused,
  })),
  ...each(['engage', 'groups'], () => ({
    row: '3',
    name: 'an error beside status 1',
    answers: [{ status: 200, body: body({ status: 1, error: 'one is bad' }) }],
    outcomes: ['split', 'delivered', 'delivered'],
  })),
  {
    row: '3',
    to: 'engage',
    name: 'status 0 to an $add',
    once: true,
    count: 1,
    answers: [zero],
    outcomes: ['split'],
    dead: ['rejected'],
  },
  ...each(ALL, () => ({
    row: '4',
    name: 'a page, three times',
    answers: Array(3).fill(page),
    outcomes: ['retry', 'retry', 'retry'],
    dead: Array(3).fill('unreadable_answer'),
  })),
  ...each(ALL, () => ({
    row: '4',
    name: 'nothing at all, twice',
    answers: Array(2).fill({ status: 200, body: '' }),
    outcomes: ['retry', 'retry', 'delivered'],
  })),
  {
    row: '15 once',
    to: 'engage',
    name: 'a page to an $add',
    once: true,
    count: 1,
    answers: [page],
    outcomes: ['retry'],
    dead: ['unknown_outcome'],
  },
  { row: '5', to: 'import', name: 'all imported', answers: [], outcomes: ['delivered'] },
  {
    row: '6',
    to: 'import',
    name: 'one of three named under 400',
    answers: [{ scenario: 'poisonRecord', index: 1 }],
    status: 400,
    outcomes: ['partial'],
    dead: ['rejected'],
  },
  {
    row: '6',
    to: 'import',
    name: 'one of three named under 200',
    answers: [{ ...partly(2, { index: 0, message: 'm' }), status: 200 }],
    outcomes: ['partial'],
    dead: ['rejected'],
    raw: 0,
  },
  { row: '7', to: 'import', name: '400 without a list', answers: [bad], outcomes: ['split', 'delivered', 'delivered'] },
  { row: '7', to: 'import', name: '400 without a list to all', answers: Array(5).fill(bad), ...allRefused },
  {
    row: '8',
    to: 'import',
    name: 'fewer imported than sent',
    answers: [{ status: 200, body: ok(2), ingest: 'all' }],
    outcomes: ['partial', 'delivered'],
    raw: 6,
  },
  {
    row: '8',
    to: 'import',
    name: 'fewer imported than sent, twice',
    answers: Array(2).fill({ status: 200, body: ok(2), ingest: 'all' }),
    outcomes: ['partial', 'partial'],
    dead: Array(3).fill('unreadable_answer'),
    raw: 6,
  },
  {
    row: '8',
    to: 'import',
    name: 'one named and one missing',
    answers: [{ ...partly(1, { index: 1, message: 'm' }), ingest: 'all' }],
    outcomes: ['partial', 'delivered'],
    dead: ['rejected'],
    raw: 5,
  },
  ...each(['track', 'engage', 'groups'], () => ({
    row: '9',
    name: '400',
    answers: [bad],
    outcomes: ['split', 'delivered', 'delivered'],
  })),
  ...each(['track', 'engage', 'groups'], () => ({
    row: '9',
    name: '400 to all',
    answers: Array(5).fill(bad),
    ...allRefused,
  })),
  ...[401, 403, 404, 405, 301, 302, 307, 308].flatMap((status) =>
    each(ALL, () => ({
      row: '10',
      name: `${status}`,
      answers: [{ status, body: '{"error":"no"}' }],
      outcomes: ['pause', 'delivered'],
    })),
  ),
  ...each(ALL, () => ({
    row: '11',
    name: '413',
    answers: [{ status: 413, body: '<h1>Too Large</h1>' }],
    outcomes: ['split', 'delivered', 'delivered'],
  })),
  ...each(ALL, () => ({
    row: '11',
    name: '413 to one alone',
    count: 1,
    answers: [{ status: 413 }],
    outcomes: ['split'],
    dead: ['too_large'],
  })),
  ...[414, 415].flatMap((status) =>
    each(ALL, () => ({ row: '12', name: `${status}`, answers: [{ status }], outcomes: ['pause', 'delivered'] })),
  ),
  ...[408, 425, 429].flatMap((status) =>
    // One, because after a 429 fewer go at once.
    each(ALL, () => ({
      row: '13',
      name: `${status}`,
      count: 1,
      answers: [{ status }],
      outcomes: ['retry', 'delivered'],
    })),
  ),
  ...[425, 429].map(
    (status): MixpanelCase => ({
      row: '13',
      to: 'engage',
      name: `${status} to an $add`,
      once: true,
      count: 1,
      answers: [{ status }],
      outcomes: ['retry', 'delivered'],
    }),
  ),
  {
    row: '15 once',
    to: 'engage',
    name: '408 to an $add',
    once: true,
    count: 1,
    answers: [{ status: 408 }],
    outcomes: ['retry'],
    dead: ['unknown_outcome'],
  },
  ...[500, 502, 503, 504, 520, 524].flatMap((status) =>
    each(EVENTS, () => ({
      row: '14',
      name: `${status}, half of it stored`,
      answers: [{ status, ingest: 'half', body: 'upstream' }],
      outcomes: ['retry', 'delivered'],
      raw: 5,
    })),
  ),
  ...each(['engage', 'groups'], () => ({
    row: '14',
    name: '503',
    answers: [{ status: 503 }],
    outcomes: ['retry', 'delivered'],
  })),
  {
    row: '15 once',
    to: 'engage',
    name: '500 to an $add',
    once: true,
    count: 1,
    answers: [{ status: 500, ingest: 'all' }],
    outcomes: ['retry'],
    dead: ['unknown_outcome'],
    raw: 1,
  },
  ...each(ALL, () => ({
    row: '15',
    name: 'cut off before it was looked at',
    answers: [{ closeBefore: true }],
    outcomes: ['retry', 'delivered'],
  })),
  ...each(EVENTS, () => ({
    row: '15',
    name: 'cut off after everything was stored',
    answers: [{ closeAfterIngest: true }],
    outcomes: ['retry', 'delivered'],
    raw: 6,
  })),
  ...each(ALL, () => ({
    row: '15',
    name: 'later than 30 s',
    answers: [{ delayMs: 31_000 }],
    outcomes: ['retry', 'delivered'],
  })),
  {
    row: '15 once',
    to: 'engage',
    name: 'cut off after an $add was counted',
    once: true,
    count: 1,
    answers: [{ closeAfterIngest: true }],
    outcomes: ['retry'],
    dead: ['unknown_outcome'],
    raw: 1,
  },
  ...each(ALL, () => ({
    row: '15a',
    name: 'TLS where there is none',
    answers: [],
    status: null,
    lane: { scheme: 'https' as const },
    outcomes: ['pause'],
    raw: 0,
  })),
  ...[402, 406, 409, 410, 422, 451].flatMap((status) =>
    each(ALL, () => ({
      row: '16',
      name: `${status}`,
      answers: [{ status }],
      outcomes: ['split', 'delivered', 'delivered'],
    })),
  ),
  ...each(ALL, () => ({ row: '16', name: '422 to all', answers: Array(5).fill({ status: 422 }), ...allRefused })),
  {
    row: 'token',
    to: 'track',
    name: 'a token that is not known until later',
    answers: [{ scenario: 'tokenRevoked' }],
    lane: { mixpanel: { recognises: true } },
    outcomes: ['delivered'],
  },
];
