/**
 * Nothing is created or lost between two looks: accepted = delivered + skipped + map_failed + dead + waiting for every
 * source in every snapshot of /health, while load, duplicates, skips, failures, dead letters and restarts go on.
 */
import { expect, it } from 'vitest';
import { Journey, type PrivateHealth, SECRET } from '../support/journey.ts';
import { until } from '../support/program.ts';
import { type Answer, Crowd, type Webhook } from '../support/senders.ts';

/** At most one event per delivery: a fifth each is skipped, fails, breaks a rule; the rest arrives. */
const mapping = `
  kind = "skip" ? null
  : kind = "fail" ? $error("asked for")
  : kind = "rule" ? {"event": ""}
  : {"event": "Numbered", "properties": {"$insert_id": id, "id": id, "text": text, "filler": $length(filler)}}`;
const KINDS = ['skip', 'fail', 'rule', 'plain', 'plain', 'poison'];

it('accounts for every delivery in every snapshot', { timeout: 120_000 }, async () => {
  await using journey = await Journey.open('conservation', {
    sources: { one: { mapping }, two: { mapping }, three: { mapping } },
    env: { RELAY_BATCH_MAX_EVENTS: '50' },
  });
  const { oracle, sandbox } = journey;
  const snapshots = { seen: 0, wrong: [] as string[] };
  for (let round = 0; round < 3; round++) {
    await journey.start();
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const health = await journey.health().catch(() => null);
        if (health?.sources) look(health, snapshots);
      }
    })();
    const crowd = mixedCrowd(journey);
    sandbox.faults.order(
      [
        { status: 500, times: 4 },
        { closeAfterIngest: true, times: 4 },
      ][round % 2],
    );
    const { owed } = oracle;
    await until(() => oracle.owed > owed + 600, 'load');
    watching = false;
    await watch;
    // Twice killed, once ended properly.
    const ending = round === 1 ? 'SIGTERM' : 'SIGKILL';
    await journey.stop(ending);
    await crowd.stop();
  }
  await journey.start();
  await journey.settled();
  const health = await journey.health();
  look(health, snapshots);
  expect(snapshots.wrong.slice(0, 5), `seed ${oracle.seed}`).toEqual([]);
  expect(snapshots.seen).toBeGreaterThan(50);
  expect(oracle.differences(sandbox)).toEqual([]);
  for (const counts of Object.values(health.sources)) {
    for (const name of ['delivered', 'skipped', 'map_failed', 'dead', 'duplicates'] as const) {
      expect(counts[name], name).toBeGreaterThan(0);
    }
  }
});

/** Of all sources and kinds; one in ten is sent twice. */
function mixedCrowd(journey: Journey): Crowd {
  const { oracle, sandbox } = journey;
  const sources = ['one', 'two', 'three'];
  const again: Webhook[] = [];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(oracle.chance() * list.length)] as T;
  const next = () => {
    const repeated = again.pop();
    if (repeated) return repeated;
    const kind = pick(KINDS);
    const webhook = oracle.make(pick(sources), 10, { kind });
    if (kind !== 'plain' && kind !== 'poison') oracle.excuse(webhook);
    // A thousand are all the sandbox remembers.
    if (kind === 'poison' && oracle.chance() < 0.05) {
      oracle.excuse(webhook);
      sandbox.faults.order({ scenario: 'poisonRecord', insertId: webhook.id });
    }
    return webhook;
  };
  const told = (webhook: Webhook, answer: Answer) => {
    oracle.told(webhook, answer);
    if (answer.status === 200 && oracle.chance() < 0.1) again.push(webhook);
  };
  return new Crowd({ port: journey.port, connections: 8, secret: SECRET, restMs: 5, next, told });
}

function look({ sources }: PrivateHealth, snapshots: { seen: number; wrong: string[] }): void {
  snapshots.seen++;
  for (const [name, counts] of Object.entries(sources)) {
    const { accepted, delivered, skipped, map_failed, dead, waiting } = counts;
    if (accepted !== delivered + skipped + map_failed + dead + waiting)
      snapshots.wrong.push(`${name}: ${JSON.stringify({ accepted, delivered, skipped, map_failed, dead, waiting })}`);
  }
}
