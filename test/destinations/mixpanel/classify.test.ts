import { expect, test } from 'vitest';
import { classifyAnswer, classifyFailure } from '../../../src/destinations/mixpanel/classify.ts';
import { retryAfterMs } from '../../../src/destinations/mixpanel/retry-after.ts';

const now = Date.UTC(2026, 2, 1, 12);
const answer = (status: number, body = '', retryAfter: string | null = null) =>
  classifyAnswer({ status, body, retryAfter }, now);

test.each(['1', ' 1\n', '{"error":null,"status":1}', '{"status":1,"error":""}', '{"code":200,"status":"OK"}'])(
  'row 1: 200 with %j is delivered',
  (body) => expect(answer(200, body)).toEqual({ kind: 'delivered' }),
);

test.each(['0', '{"error":"data, missing or empty","status":0}'])('row 2: 200 with %j is a refusal', (body) => {
  expect(answer(200, body)).toMatchObject({ kind: 'split', reason: 'rejected', tooLarge: false });
});

test('row 2: a refused token pauses, because no half would fare better', () => {
  expect(answer(200, '{"error":"token, missing or empty","status":0}')).toEqual({
    kind: 'pause',
    reason: 'token_refused',
    message: '200: token, missing or empty',
  });
});

test.each(['', 'null', 'true', '2', '"1"', '{}', '[]', '{"status":2}', '<html>1</html>', 'OK'])(
  'row 4: 200 with %j is tried at most three times',
  (body) => expect(answer(200, body)).toMatchObject({ kind: 'retry', reason: 'unreadable_answer', attemptsMax: 3 }),
);

test('row 9: 400 is split and carries the words of the answer', () => {
  expect(answer(400, '{"error":"bad","status":"error"}')).toEqual({
    kind: 'split',
    reason: 'rejected',
    message: '400: bad',
    tooLarge: false,
  });
});

test.each([401, 403, 404, 405, 301, 302, 307, 308, 304])('row 10: %i pauses', (status) => {
  expect(answer(status).kind).toBe('pause');
});

test('row 11: 413 is split as too large, JSON or HTML', () => {
  expect(answer(413, '{"error":"request exceeds max limit"}')).toMatchObject({ kind: 'split', tooLarge: true });
  expect(answer(413, '<html><h1>Too Large</h1></html>')).toMatchObject({ tooLarge: true, message: '413: Too Large' });
});

test.each([414, 415])('row 12: %i pauses', (status) => {
  expect(answer(status).kind).toBe('pause');
});

test.each([
  [408, false, false],
  [425, false, true],
  [429, true, true],
])('row 13: %i is tried again', (status, slowDown, notTaken) => {
  expect(answer(status, 'no')).toEqual({
    kind: 'retry',
    reason: expect.any(String),
    message: `${status}: no`,
    slowDown,
    ...(notTaken ? { notTaken } : null),
  });
  expect(answer(status, 'no', '7')).toMatchObject({ retryAfterMs: 7000 });
});

test.each([500, 501, 502, 503, 504, 520, 522, 524, 599])('row 14: %i is tried again', (status) => {
  expect(answer(status, 'upstream connect error')).toMatchObject({
    kind: 'retry',
    reason: 'server_error',
    slowDown: false,
  });
});

test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT'])(
  'row 15: %s is tried again',
  (code) => expect(classifyFailure({ code, message: 'x' })).toMatchObject({ kind: 'retry', reason: 'connection' }),
);

test('row 15: no answer in time is tried again', () => {
  expect(classifyFailure({ code: 'timeout', message: 'x' })).toMatchObject({ kind: 'retry', reason: 'timeout' });
});

test.each([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'EPROTO',
])('row 15a: %s pauses', (code) =>
  expect(classifyFailure({ code, message: 'x' })).toMatchObject({ kind: 'pause', reason: 'tls' }),
);

test.each([402, 406, 409, 410, 418, 422, 451])('row 16: %i is split', (status) => {
  expect(answer(status, 'no')).toMatchObject({ kind: 'split', reason: 'rejected', tooLarge: false });
});

test('a page is told without its tags, and not longer than a line', () => {
  const page = `<html><style>p{}</style><p>Sorry,\n  away</p>${'x'.repeat(2000)}</html>`;
  const outcome = answer(503, page);
  expect(outcome.kind === 'retry' && outcome.message).toMatch(/^503: Sorry, away x+…$/);
  expect(outcome.kind === 'retry' && outcome.message.length).toBeLessThan(520);
});

test.each([
  [null, null],
  ['', null],
  ['soon', null],
  ['120', 120_000],
  ['0', 0],
  ['86400', 600_000],
  [new Date(now + 90_000).toUTCString(), 90_000],
  [new Date(now - 90_000).toUTCString(), 0],
  [new Date(now + 86_400_000).toUTCString(), 600_000],
])('Retry-After %j is a wait of %j ms', (header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected);
});
