/**
 * What goes where, when, and what each answer does: README's table. `row` is the line of the classification that decides
 * (destinations/mixpanel/classify.ts and classify-import.ts, destinations/bloomreach/classify.ts); test/forward/errors-table.test.ts holds
 * that each of Mixpanel's does what stands here, through the real sender.
 */
export type AnswerRow = { readonly row: string; readonly answer: string; readonly does: string };
export type Place = {
  readonly name: string;
  readonly where: string;
  readonly when: string;
  readonly answers: readonly AnswerRow[];
};

const halves = 'halves are sent until the refused one is alone: dead letter `rejected` with the words of the answer';
const waits =
  'everybody waits (2 s doubling to 60 s, and chance; `Retry-After` when it is longer), then the same again';
const paused = 'the destination is paused and asked once a minute; its events wait';

export const places: readonly Place[] = [
  {
    name: 'track',
    where: 'Mixpanel `/track`',
    when: 'events less than four and a half days old by their own time, looked at before each request',
    answers: [
      { row: '1', answer: '200 with `1` or `status` 1', does: 'delivered' },
      { row: '2', answer: '200 with `0` or `status` 0', does: halves },
      { row: '2', answer: '… and words about the token', does: paused },
      { row: '9', answer: '400', does: halves },
    ],
  },
  {
    name: 'import',
    where: 'Mixpanel `/import?strict=1`',
    when: 'older events; `$merge`; all events with `MIXPANEL_IMPORT=always`. With `never` an event older than five days is a dead letter `too_old`',
    answers: [
      { row: '5', answer: '200 with as many imported as were sent', does: 'delivered' },
      {
        row: '6',
        answer: '200 or 400 with `failed_records`',
        does: 'those named are dead letters `rejected` with their own words; the others are delivered and not sent again',
      },
      { row: '7', answer: '400 that names no record', does: halves },
      {
        row: '8',
        answer: 'numbers that do not add up',
        does: 'those named are dead letters; the others are sent once more (copies are known), then `unreadable_answer`',
      },
    ],
  },
  {
    name: 'engage',
    where: 'Mixpanel `/engage`, `/groups`',
    when: 'updates of people and groups: in order and one at a time for each of them; `$add` and `$append` each in a request of its own',
    answers: [
      { row: '1', answer: '200 with `status` 1', does: 'delivered' },
      { row: '3', answer: '200 with `status` 0 or an `error`', does: `${halves}; \`$add\` and \`$append\` at once` },
      { row: '9', answer: '400', does: halves },
      {
        row: '15',
        answer: 'none, 408 or 5xx, to an `$add` or `$append`',
        does: 'dead letter `unknown_outcome`: it may have been counted, so it is not sent again',
      },
    ],
  },
  {
    name: 'any',
    where: 'Mixpanel, any of them',
    when: '',
    answers: [
      {
        row: '4',
        answer: '200 with a body nobody understands',
        does: 'the same up to three times, then dead letters `unreadable_answer`',
      },
      { row: '10', answer: '401, 403, 404, 405, 3xx', does: paused },
      { row: '12', answer: '414, 415', does: paused },
      {
        row: '11',
        answer: '413',
        does: 'halves are sent, and smaller batches from then on; what is too large alone is a dead letter `too_large`',
      },
      { row: '13', answer: '408, 425, 429', does: `${waits}; after a 429 more slowly` },
      { row: '14', answer: '5xx', does: waits },
      { row: '15', answer: 'none: no connection, cut off, too late', does: waits },
      { row: '15a', answer: 'none: a certificate or TLS version refused', does: paused },
      { row: '16', answer: 'any other 4xx', does: halves },
      {
        row: 'token',
        answer:
          '401 to the question whether the token is known (`/import`, a record of nothing, at the start and hourly)',
        does: `${paused}. No answer says nothing and stops nothing`,
      },
    ],
  },
  {
    name: 'batch',
    where: 'Bloomreach `/batch`',
    when: 'events as `customers/events`, updates of people as `customers`: 50 commands a request, 100 requests a second of all such destinations',
    answers: [
      { row: '20', answer: '200, all `results` with `success`', does: 'delivered' },
      {
        row: '21',
        answer: '200, some without',
        does: 'those are dead letters: `blocked` when a permission is missing, else `rejected` with their words; the others are delivered',
      },
      { row: '22', answer: '200, not a result for each command', does: 'the same once more, then `unreadable_answer`' },
      { row: '24', answer: '401, 403, 404, or words about credentials with any status', does: paused },
      { row: '25', answer: '400, other 4xx', does: halves },
      { row: '26', answer: '429', does: `${waits}; nothing of it was kept` },
      { row: '27', answer: '5xx, none', does: waits },
    ],
  },
];

/** Cells of what goes where stand in the first row of a place only. */
export function answersTable(): readonly (readonly string[])[] {
  return places.flatMap(({ where, when, answers }) =>
    answers.map(({ answer, does }, index) => [index === 0 ? where : '', index === 0 ? when : '', answer, does]),
  );
}
