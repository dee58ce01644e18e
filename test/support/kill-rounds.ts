/** Rounds of `kill -9` under load, for the journey and its long form. */
import { readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { type Journey, SECRET } from './journey.ts';
import { until } from './program.ts';
import { Crowd, type Webhook } from './senders.ts';

/** Its time is when it was mapped: mapped again after it was sent, it would count twice. */
export const mappedOnce = {
  numbered: {
    mapping:
      '{"event": "Numbered", "properties": {"time": $millis(), "id": id, "text": text, "filler": $length(filler)}}',
  },
};

/** How long there is load in a round: from before the first event has left until each stage has long been at work. */
const [LOAD_MIN_MS, LOAD_MAX_MS] = [150, 750];

/** Every round: start, 32 to 64 senders for a while, kill. What got no answer is sent again in the next round. */
export async function killRounds(journey: Journey, rounds: number): Promise<void> {
  const { oracle, sandbox } = journey;
  /** Sent, never answered: a provider sends these again, under the same id. */
  let unanswered: Webhook[] = [];
  for (let round = 0; round < rounds; round++) {
    await journey.start();
    trouble(journey, round);
    const again = unanswered;
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
    await after(LOAD_MIN_MS + oracle.chance() * (LOAD_MAX_MS - LOAD_MIN_MS));
    const children = childrenOf(journey.relay.pid);
    await journey.stop('SIGKILL');
    await crowd.stop();
    await until(() => !children.some(isAlive), 'the evaluators of a killed relay to end');
  }
  sandbox.faults.clear();
}

/** Every other round the destination is slow or ill too. */
function trouble({ sandbox, oracle }: Journey, round: number): void {
  const troubles = [
    { delayMs: 300, times: 5 },
    { status: 503, times: 5 },
    { closeAfterIngest: true, times: 3 },
    { status: 500, ingest: 'half', times: 3 },
    { closeBefore: true, times: 3 },
  ] as const;
  sandbox.faults.clear();
  if (round % 2 === 0) return;
  const problem = sandbox.faults.order(troubles[Math.floor(oracle.chance() * troubles.length)]);
  if (problem !== null) throw new Error(problem);
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
