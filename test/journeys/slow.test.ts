/** Hundreds of senders that never finish, beside good ones: the good ones do not notice, the others are ended (R16). */
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { until } from '../support/program.ts';

const SLOW = 400;

/** How each of them begins, and what it then lets drip. */
const manners: readonly (readonly [begin: string, drip: string])[] = [
  ['POST /hooks/numbered HTTP/1.1\r\nhost: a\r\n', 'x-a: b\r\n'],
  ['POST /hooks/numbered HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{', ' '],
  ['POST /hooks/numbered HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\n \r\n'],
  ['', ''],
];

it('serves good senders beside hundreds of half-open ones, and ends those', { timeout: 60_000 }, async () => {
  await using journey = await Journey.open('slow');
  const { oracle, sandbox } = journey;
  await journey.start();
  let closed = 0;
  let answered408 = 0;
  const slow = Array.from({ length: SLOW }, (_, index) => {
    const [begin] = manners[index % manners.length] as readonly [string, string];
    const socket = connect({ port: journey.port, host: '127.0.0.1' });
    socket.on('connect', () => socket.write(begin));
    socket.on('data', (chunk) => {
      if (chunk.toString('latin1').startsWith('HTTP/1.1 408')) answered408++;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => closed++);
    return socket;
  });
  const dripping = setInterval(() => drip(slow), 500);
  // Good senders of a usual day, two hundred webhooks a second: how many the relay takes is asked elsewhere.
  const crowd = journey.crowd(8, 'numbered', { restMs: 40 });
  // Silent connections (a quarter) count as headers that do not come.
  await until(() => closed === SLOW, 'every half-open connection to be ended', 20_000);
  clearInterval(dripping);
  await crowd.stop();
  await journey.arrived();
  expect(answered408).toBeGreaterThan(SLOW / 2);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses)).toEqual(['200']);
  expect(oracle.owed).toBeGreaterThan(500);
  expect(oracle.p99Ms()).toBeLessThan(1_000);
});

function drip(sockets: readonly Socket[]): void {
  for (const [index, socket] of sockets.entries()) {
    if (!socket.destroyed && socket.writable) socket.write((manners[index % manners.length] as [string, string])[1]);
  }
}
