/**
 * What goes where, when, and what each answer does: README's table. `row` is the line of the classification that decides
 * (destinations/mixpanel/classify.ts and classify-import.ts, destinations/bloomreach/classify.ts). test/forward/errors-table.test.ts plays
 * each row through the real sender and holds that it answered as `answer` says, came to `comes`, and buried for the reasons that stand
 * in `does`, no more and no fewer.
 */
import type { Outcome } from '../src/model.ts';

export type Receiver = 'track' | 'import' | 'engage' | 'groups' | 'batch';

export type AnswerRow = Deed & {
  readonly row: string;
  /** Begins with the status; `none` for no answer. */
  readonly answer: string;
  /** Which of the place's endpoints it is about; absent: each of them. */
  readonly of?: readonly Receiver[];
};

type Deed = { readonly comes: Outcome['kind']; readonly does: string };

export type Place = {
  readonly to: readonly Receiver[];
  readonly where: string;
  readonly when: string;
  readonly answers: readonly AnswerRow[];
};

const delivered: Deed = { comes: 'delivered', does: 'delivered' };
const halves: Deed = {
  comes: 'split',
  does: 'halves are sent until the refused one is alone: dead letter `rejected` with the words of the answer',
};
const waits: Deed = {
  comes: 'retry',
  does: 'everybody waits (2 s doubling to 60 s, and chance; `Retry-After` when it is longer), then the same again',
};
const paused: Deed = { comes: 'pause', does: 'the destination is paused and asked once a minute; its events wait' };

export const places: readonly Place[] = [
  {
    to: ['track'],
    where: 'Mixpanel `/track`',
    when: 'events less than four and a half days old by their own time, looked at before each request',
    answers: [
      { row: '1', answer: '200 with `1` or `status` 1', ...delivered },
      { row: '2', answer: '200 with `0` or `status` 0', ...halves },
      { row: '2 token', answer: '200 with `status` 0 and words about the token', ...paused },
      { row: '9', answer: '400', ...halves },
    ],
  },
  {
    to: ['import'],
    where: 'Mixpanel `/import?strict=1`',
    when: 'older events; `$merge`; all events with `MIXPANEL_IMPORT=always`. With `never` an event older than five days is a dead letter `too_old`',
    answers: [
      { row: '5', answer: '200 with as many imported as were sent', ...delivered },
      {
        ...{ row: '6', answer: '200 or 400 with `failed_records`', comes: 'partial' },
        does: 'those named are dead letters `rejected` with their own words; the others are delivered and not sent again',
      },
      { row: '7', answer: '400 that names no record', ...halves },
      {
        ...{ row: '8', answer: '200 or 400 with numbers that do not add up', comes: 'partial' },
        does: 'those named are dead letters `rejected`; the others are sent once more (copies are known), then `unreadable_answer`',
      },
      {
        ...{ row: 'token', comes: 'pause', of: ['track'] },
        answer:
          '401 to the question whether the token is known (`/import`, a record of nothing, at the start and hourly)',
        does: `${paused.does}. No answer says nothing and stops nothing`,
      },
    ],
  },
  {
    to: ['engage', 'groups'],
    where: 'Mixpanel `/engage`, `/groups`',
    when: 'updates of people and groups: in order and one at a time for each of them; `$add` and `$append` each in a request of its own',
    answers: [
      { row: '1', answer: '200 with `status` 1', ...delivered },
      {
        ...{ row: '3', answer: '200 with `status` 0 or an `error`', comes: 'split' },
        does: `${halves.does}; \`$add\` and \`$append\` at once`,
      },
      { row: '9', answer: '400', ...halves },
      {
        ...{ row: '15 once', comes: 'retry', of: ['engage'] },
        answer: 'none, 408, 5xx or a 200 nobody understands, to an `$add` or `$append`',
        does: 'dead letter `unknown_outcome`: it may have been counted, so it is not sent again',
      },
    ],
  },
  {
    to: ['batch'],
    where: 'Bloomreach `/batch`',
    when: 'events as `customers/events`, updates of people as `customers`: 50 commands a request, 100 requests a second of all such destinations',
    answers: [
      { row: '20', answer: '200, all `results` with `success`', ...delivered },
      {
        ...{ row: '21', answer: '200, some `results` without `success`', comes: 'partial' },
        does: 'those are dead letters: `blocked` when a permission is missing (replay them when it is given), else `rejected` with their words; the others are delivered',
      },
      {
        ...{ row: '21 odd', answer: '200, a result that says neither', comes: 'partial' },
        does: 'that command alone up to three times, then `unreadable_answer`; the others are delivered',
      },
      {
        ...{ row: '22', answer: '200, `results` that are not those of the commands', comes: 'retry' },
        does: 'the same once more, then `unreadable_answer`',
      },
      { row: '23', answer: '200 with `success` false for all at once', ...halves },
      {
        ...{ row: '24', answer: '200, 400 or another 4xx with words about credentials or the project' },
        ...paused,
      },
      { row: '25', answer: '400', ...halves },
    ],
  },
  {
    to: ['track', 'import', 'engage', 'groups', 'batch'],
    where: 'any of these, Mixpanel and Bloomreach',
    when: '',
    answers: [
      {
        ...{ row: '4', answer: '200 with a body nobody understands', comes: 'retry' },
        does: 'the same up to three times, then dead letters `unreadable_answer`',
      },
      { row: '10', answer: '401, 403, 404, 405, 3xx', ...paused },
      { row: '12', answer: '414, 415', ...paused },
      {
        ...{ row: '11', answer: '413', comes: 'split' },
        does: 'halves are sent, and smaller batches from then on; what is too large alone is a dead letter `too_large`',
      },
      { row: '13', answer: '408, 425, 429', ...waits, does: `${waits.does}; after a 429 more slowly` },
      { row: '14', answer: '5xx', ...waits },
      { row: '15', answer: 'none: no connection, cut off, too late', ...waits },
      { row: '15a', answer: 'none: a certificate or TLS version refused', ...paused },
      { row: '16', answer: 'any other 4xx', ...halves },
    ],
  },
];

/** Cells of what goes where stand in the first row of a place only. */
export function answersTable(): readonly (readonly string[])[] {
  return places.flatMap(({ where, when, answers }) =>
    answers.map(({ answer, does }, index) => [index === 0 ? where : '', index === 0 ? when : '', answer, does]),
  );
}
