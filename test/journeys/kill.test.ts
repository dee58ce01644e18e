/** `kill -9` at any moment: what was answered 200 arrives, once, as it was sent. R1 without the backlog (that is soak). */
import { readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Journey, SECRET } from '../support/journey.ts';
import { until } from '../support/program.ts';
import { Crowd, type Webhook } from '../support/senders.ts';

const ROUNDS = 30;

it(`loses nothing in ${ROUNDS} rounds of kill -9 under load`, { timeout: 180_000 }, async () => {
  await using journey = await Journey.open('kill', { env: { RELAY_SEND_TIMEOUT: '2s' } });
  const { oracle, sandbox } = journey;
  /** Sent, never answered: a provider sends these again, under the same id. */
  let unanswered: Webhook[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await journey.start();
    trouble(journey, round);
    const again = unanswered.splice(0);
    unanswered = [];
    const crowd = new Crowd({
      port: journey.port,
      connections: 32 + Math.floor(oracle.chance() * 32),
      secret: SECRET,
      next: () => again.pop() ?? oracle.make('numbered', Math.floor(oracle.chance() * 300)),
      told: (webhook, answer) => {
        oracle.told(webhook, answer);
        if (answer.status === null) unanswered.push(webhook);
      },
    });
    await after(200 + oracle.chance() * 800);
    const children = childrenOf(journey.relay.pid);
    await journey.stop('SIGKILL');
    await crowd.stop();
    await until(() => children.every((pid) => !isAlive(pid)), 'the evaluators of a killed relay to end');
  }
  sandbox.faults.clear();
  await journey.start();
  await journey.sendFresh();
  await journey.arrived(60_000);
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses).sort()).toEqual(['200', 'broken']);
  expect(oracle.owed).toBeGreaterThan(3_000);
  const { raw, distinct } = sandbox.state().events;
  console.info(`kill -9: ${ROUNDS} rounds, ${oracle.owed} obligations, ${raw - distinct} copies, seed ${oracle.seed}`);
});

/** Now and then the destination is slow or ill too. */
function trouble({ sandbox, oracle }: Journey, round: number): void {
  const troubles = [
    {},
    { delayMs: 300, times: 5 },
    { status: 503, times: 5 },
    { closeAfterIngest: true, times: 3 },
    { status: 500, ingest: 'half', times: 3 },
    { closeBefore: true, times: 3 },
  ];
  sandbox.faults.clear();
  const one = troubles[round % 2 === 0 ? 0 : 1 + Math.floor(oracle.chance() * (troubles.length - 1))];
  if (one && Object.keys(one).length > 0) expect(sandbox.faults.order(one)).toBeNull();
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** A zombie that nobody has collected yet is dead enough. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
