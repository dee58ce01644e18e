import { expect, test } from 'vitest';
import { type BatchAnswer, classifyBatch } from '../../../src/destinations/bloomreach/classify.ts';
import { FAKE_NOW } from '../../support/fake-clock.ts';

const commandIds = ['evt_a', 'evt_b', 'evt_c'];

function classify(status: number, body: unknown, other: Partial<BatchAnswer> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return classifyBatch({ status, retryAfter: null, body: text, commandIds, ...other }, FAKE_NOW);
}

const results = (...list: unknown[]) => ({ results: list, start_time: 1.5, end_time: 1.6, success: true });
const good = { success: true };
const bad = (...errors: string[]) => ({ success: false, errors });
const delivered = { kind: 'delivered' };

test('row 20: all results true is delivered', () => {
  expect(classify(200, results(good, good, good))).toEqual(delivered);
  const echoed = commandIds.map((id) => ({ success: true, command_id: id }));
  expect(classify(200, results(...echoed))).toEqual(delivered);
});

test('row 21: each command is settled by its own result, and the errors are joined', () => {
  const outcome = classify(200, results(good, bad('At least one id should be specified.', 'And more.'), good));
  const dead = { kind: 'dead', reason: 'rejected', message: 'At least one id should be specified.; And more.' };
  expect(outcome).toEqual({ kind: 'partial', verdicts: [delivered, dead, delivered] });
});

test.each([
  'Not authorized to add event of specified type',
  'not authorized to update specified customer properties',
  'No permission to create new event types',
])('row 21: %j blocks its command and no other', (error) => {
  const outcome = classify(200, results(bad(error), good, bad('timestamp is invalid.')));
  expect(outcome).toMatchObject({
    kind: 'partial',
    verdicts: [{ kind: 'dead', reason: 'blocked', message: error }, delivered, { kind: 'dead', reason: 'rejected' }],
  });
});

test('a batch that is blocked whole does not pause the destination: other events may be permitted', () => {
  const denied = bad('Not authorized to add event of specified type');
  expect(classify(200, results(denied, denied, denied)).kind).toBe('partial');
});

test.each([
  [{ success: false, errors: { _global: ['broken'] } }, 'broken'],
  [{ success: false, error: 'broken' }, 'broken'],
  [{ success: false, message: 'broken' }, 'broken'],
  [{ success: false, errors: [] }, 'Refused without a reason.'],
  [{ success: false }, 'Refused without a reason.'],
])('a result %j says %j', (result, message) => {
  const outcome = classify(200, results(good, good, result));
  expect(outcome).toMatchObject({ verdicts: [delivered, delivered, { kind: 'dead', message }] });
});

test('a result nobody understands is tried again alone, the others are settled', () => {
  const outcome = classify(200, results(good, null, { success: 'yes' }));
  const again = { kind: 'retry', reason: 'unreadable_answer', attemptsMax: 3 };
  expect(outcome).toMatchObject({ kind: 'partial', verdicts: [delivered, again, again] });
});

test.each([
  ['fewer results than commands', results(good, good)],
  ['more results than commands', results(good, good, good, good)],
  ['no results', results()],
  ['results of other commands', results(good, { success: true, command_id: 'evt_c' }, good)],
])('row 22: %s is tried once more and then given up', (_what, body) => {
  expect(classify(200, body)).toMatchObject({ kind: 'retry', reason: 'unreadable_answer', attemptsMax: 2 });
});

test('row 23: 200 with success false and no results refuses the request, so that halves find the reason', () => {
  const outcome = classify(200, { success: false, errors: ['timestamp is invalid.'] });
  expect(outcome).toEqual({
    kind: 'split',
    reason: 'rejected',
    message: '200: timestamp is invalid.',
    tooLarge: false,
  });
});

test.each([
  [400, { success: false, error: 'Could not authenticate' }, 'unauthorized'],
  [400, { success: false, error: 'Invalid project id' }, 'unauthorized'],
  [200, { success: false, error: 'Could not authenticate' }, 'unauthorized'],
  [401, 'Access key not provided', 'unauthorized'],
  [401, { error: 'access key not found', success: false }, 'unauthorized'],
  [403, { success: false, errors: ['invalid secret'] }, 'forbidden'],
  [403, '', 'forbidden'],
  [404, '<h1>Not Found</h1>', 'not_found'],
  [405, '', 'method_not_allowed'],
  [301, '', 'redirected'],
  [415, '', 'unsupported_type'],
])('row 24: %i with %j pauses the destination: %s', (status, body, reason) => {
  expect(classify(status, body)).toMatchObject({ kind: 'pause', reason });
});

test.each([
  { success: false, message: 'Invalid JSON' },
  { success: false, message: 'No commands' },
  { success: false, errors: ['At least one id should be specified.'] },
  'BadRequest: The browser (or proxy) sent a request that this server could not understand.',
  '',
])('row 25: 400 with %j is split', (body) => {
  expect(classify(400, body)).toMatchObject({ kind: 'split', reason: 'rejected', tooLarge: false });
});

test.each([402, 409, 422])('another refusal, %i, is split', (status) => {
  expect(classify(status, '').kind).toBe('split');
});

test('row 11: 413 is split and remembered', () => {
  expect(classify(413, '<h1>Too Large</h1>')).toMatchObject({ kind: 'split', reason: 'too_large', tooLarge: true });
});

test('row 26: 429 is tried again, slower, and nothing of it was taken', () => {
  const outcome = { kind: 'retry', reason: 'rate_limited', slowDown: true, notTaken: true };
  expect(classify(429, '')).toEqual({ ...outcome, message: '429: (empty answer)' });
  expect(classify(429, '', { retryAfter: '7' })).toMatchObject({ ...outcome, retryAfterMs: 7000 });
  expect(classify(429, '', { retryAfter: new Date(FAKE_NOW + 9000).toUTCString() })).toMatchObject({
    retryAfterMs: 9000,
  });
  expect(classify(429, '', { retryAfter: 'soon' })).not.toHaveProperty('retryAfterMs');
});

test('row 13: 425 was not taken either, of 408 nobody knows', () => {
  expect(classify(425, '')).toMatchObject({ kind: 'retry', reason: 'not_now', slowDown: false, notTaken: true });
  expect(classify(408, '')).not.toHaveProperty('notTaken');
});

test.each([500, 502, 503, 504, 520, 524])('row 27: %i is tried again without end, and obeys Retry-After', (status) => {
  const outcome = classify(status, '<html><style>a{}</style><h1>Down</h1></html>', { retryAfter: '30' });
  expect(outcome).toEqual({
    ...{ kind: 'retry', reason: 'server_error', message: `${status}: Down`, slowDown: false, retryAfterMs: 30_000 },
  });
});

test.each(['', 'null', '<html>', '{}', '[]', '{"success":true}', '{"results":{}}', '{"results":[{"success":true}'])(
  '200 with %j is no success: tried three times, then given up',
  (body) => {
    expect(classify(200, body)).toMatchObject({ kind: 'retry', reason: 'unreadable_answer', attemptsMax: 3 });
  },
);

test('long words are cut', () => {
  const outcome = classify(400, 'x'.repeat(10_000));
  expect(outcome.kind === 'split' && outcome.message.length).toBeLessThan(520);
  const partial = classify(200, results(good, good, bad('y'.repeat(10_000))));
  expect(JSON.stringify(partial).length).toBeLessThan(700);
});
