/**
 * What each answer of a vendor does, row by row of README's table, through the real sender against the sandbox: forwarder, client and
 * a socket between them.
 */
import { describe, expect, test } from 'vitest';
import { type AnswerRow, places, type Receiver } from '../../scripts/answers-table.ts';
import { deadLetterReasons } from '../../src/errors.ts';
import { type Case, cases, decisive, open, play, statusOf } from '../support/answer-play.ts';
import { until } from '../support/fake-clock.ts';

describe.each(cases.map((one) => [`row ${one.row}, /${one.to}: ${one.name}`, one] as const))('%s', (_name, one) => {
  test(`comes to ${one.outcomes.join(', ')}`, async () => {
    await using stage = await open(one);
    await play(stage, one);
    const { keeper, forwarder, attempts, count } = stage;
    const { dead = [] } = one;
    const left = one.outcomes.at(-1) === 'pause' ? count : 0;
    await until(() => keeper.waiting() === left && forwarder.status().inFlight === 0, 'the end');
    expect(attempts.map(({ outcome }) => outcome)).toEqual(one.outcomes);
    expect(attempts[decisive(one)]?.status).toBe(statusOf(one));
    expect(keeper.dead.map(({ letter }) => letter.reason)).toEqual(dead);
    expect(keeper.delivered).toHaveLength(count - dead.length - left);
    expect(stage.stored()).toBe(one.raw ?? count - dead.length);
    expect(forwarder.status().state).toBe(left > 0 ? 'paused' : stateAfter(one));
    expect(stage.troubles).toEqual([]);
  });
});

/** After its last answer: only one that says no leaves it failing. */
function stateAfter({ outcomes }: Case): 'ok' | 'failing' {
  return outcomes.at(-1) === 'retry' ? 'failing' : 'ok';
}

type Told = { readonly to: Receiver; readonly told: AnswerRow };

const table: readonly Told[] = places.flatMap((place) =>
  place.answers.flatMap((told) => (told.of ?? place.to).map((to) => ({ to, told }))),
);
const playedOf = ({ to, told }: Told) => cases.filter((one) => one.row === told.row && one.to === to);

/** The statuses that its text names. */
const statusesIn = ({ answer }: AnswerRow): readonly string[] => answer.match(/\b(?:\d{3}|\dxx|none)\b/g) ?? [];
const isOf = (status: number | null, named: string) =>
  status === null ? named === 'none' : named === `${status}` || named === `${Math.floor(status / 100)}xx`;
/** The reasons of dead letters that its text names. */
const reasonsIn = ({ does }: AnswerRow): readonly string[] =>
  [...does.matchAll(/`(\w+)`/g)].map(([, word]) => word as string).filter((word) => word in deadLetterReasons);

/** The question about the token carries no events, so that its answer is no attempt's: what it does is in its case alone. */
const sent = table.filter(({ told }) => told.row !== 'token');

describe.each(sent.map((one) => [`row ${one.told.row}, /${one.to}`, one] as const))('the table, %s', (_name, one) => {
  const played = playedOf(one);

  test('names each status that is played here, and no other', () => {
    const named = statusesIn(one.told);
    const unplayed = named.filter((status) => !played.some((each) => isOf(statusOf(each), status)));
    const unnamed = played.filter((each) => !named.some((status) => isOf(statusOf(each), status)));
    expect({ unplayed, unnamed: unnamed.map(({ name }) => name) }).toEqual({ unplayed: [], unnamed: [] });
  });

  test('says what its cases come to, and what they bury for', () => {
    const others = played.filter((each) => each.outcomes[decisive(each)] !== one.told.comes);
    expect(others.map(({ name }) => name)).toEqual([]);
    const buried = new Set(played.flatMap(({ dead = [] }) => dead));
    expect(new Set(reasonsIn(one.told))).toEqual(buried);
  });
});

describe('the table', () => {
  test('has no row that is not played here, at each of its endpoints', () => {
    const missing = table.filter((one) => playedOf(one).length === 0);
    expect(missing.map(({ to, told }) => `${to} ${told.row}`)).toEqual([]);
  });

  test('has each row that is played here', () => {
    const rows = new Set(table.map(({ to, told }) => `${to} ${told.row}`));
    expect(cases.filter(({ to, row }) => !rows.has(`${to} ${row}`)).map(({ name }) => name)).toEqual([]);
  });

  test('has all of the classification, in which 26 and 27 say of Bloomreach what 13 to 15 say of any', () => {
    const rows = new Set(table.map(({ told }) => told.row));
    const [mixpanel, bloomreach] = [
      ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '15a', '16'],
      ['20', '21', '22', '23', '24', '25'],
    ];
    expect([...mixpanel, ...bloomreach].filter((row) => !rows.has(row))).toEqual([]);
  });
});
