/** Stopping under load, starting again, and two relays that want the same folder. */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { run, until } from '../support/program.ts';

const ROUNDS = 3;

it('ends within 10 s under load, resets no request it has begun, and loses nothing', { timeout: 90_000 }, async () => {
  await using journey = await Journey.open('stop', { env: { RELAY_SEND_TIMEOUT: '20s' } });
  const { oracle, sandbox } = journey;
  for (let round = 0; round < ROUNDS; round++) {
    await journey.start();
    // In the last round a request hangs at the destination while the relay is to stop.
    if (round === ROUNDS - 1) sandbox.faults.order({ delayMs: 15_000, times: 3 });
    const crowd = journey.crowd(32, 'numbered', { restMs: 2 });
    const { owed } = oracle;
    await until(() => oracle.owed > owed + 200, 'load');
    const began = performance.now();
    const { code, signal, out } = await journey.stop();
    const tookMs = performance.now() - began;
    await crowd.stop();
    expect({ code, signal }, out.slice(-500)).toEqual({ code: 0, signal: null });
    expect(tookMs).toBeLessThan(10_000);
    expect(out).toContain('"relay.stopped"');
  }
  sandbox.faults.clear();
  await journey.start();
  await journey.sendFresh();
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
  // Refused while stopping is fine (the provider comes again); cut off without an answer is not.
  const { 200: taken, 503: _refused, broken = 0, ...others } = oracle.statuses;
  expect(taken).toBeGreaterThan(600);
  expect(others).toEqual({});
  expect(acceptedLines(journey)).toBe(oracle.owed);
  expect(broken).toBeLessThanOrEqual(32 * ROUNDS);
});

it('refuses a folder that another relay holds, and says who holds it', async () => {
  await using journey = await Journey.open('second');
  await journey.start();
  const second = await run(['serve'], { ...journey.environment, RELAY_PORT: '0', RELAY_ADMIN_PORT: '0' });
  expect(second.code).toBe(1);
  expect(second.err).toContain(String(journey.relay.pid));
  expect(second.err).toContain(journey.dataDir);
  await journey.sendFresh();
  await journey.arrived();
  expect((await journey.stop()).code).toBe(0);
  await journey.start();
});

/** Every acceptance the relay knows of was answered: none was accepted and then cut off. */
function acceptedLines(journey: Journey): number {
  const all = [...journey.outputs, journey.relay.seen.out].join('\n');
  return all.split('\n').filter((line) => line.includes('"delivery.accepted"')).length;
}
