/**
 * A second chance beside live traffic: webhooks come at a fixed rate, once alone and once while dead events of the same source
 * are resent. How long a live webhook waits, from its receipt until the destination has its event, and for its answer.
 */
import { join } from 'node:path';
import type { Bench, Scenario } from '../bench.ts';
import { median, quantile, shown } from '../figures.ts';
import { type Relay, takeArrivals } from '../programs.ts';

const RATE = 500;
const CONNECTIONS = 64;
const WARM_SECONDS = 2;
const SETTLE_MAX_MS = 60_000;
/** More than are resent while the load lasts, so that all of it is beside a resend. */
const DEAD = 100_000;
const DEAD_QUICK = 30_000;

type Round = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly ackP99Ms: number;
  readonly live: number;
  /** Dead events that were delivered meanwhile. */
  readonly resent: number;
};
type Place = { readonly relay: Relay; readonly sandbox: { readonly url: string } };

async function round(bench: Bench, { relay, sandbox }: Place, resending: boolean): Promise<Round> {
  await bench.programs.settled(relay, SETTLE_MAX_MS);
  await takeArrivals(sandbox);
  const from = Date.now();
  const replay = resending ? await beginResend(relay) : null;
  const seconds = bench.quick ? 4 : 8;
  const load = await bench.burst({ port: relay.port, seconds, rate: RATE, connections: CONNECTIONS });
  if (replay !== null) await cancel(relay, replay);
  await bench.programs.settled(relay, SETTLE_MAX_MS);
  const all = await takeArrivals(sandbox);
  // An event without a time of its own has that of its webhook's receipt; the dead ones were received before.
  const live = all.filter(({ eventTime }) => eventTime >= from);
  if (live.length !== load.ok) throw new Error(`${load.ok} were accepted and ${live.length} arrived`);
  const waits = live.map(({ arrivedAt: at, eventTime }) => at - eventTime);
  const resent = all.length - live.length;
  return {
    ...{ p50Ms: quantile(waits, 0.5), p99Ms: quantile(waits, 0.99), ackP99Ms: load.p99Ms },
    ...{ live: live.length, resent },
  };
}

async function beginResend(relay: Relay): Promise<string> {
  const answer = await fetch(`${relay.adminUrl}/api/replays`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode: 'resend', selection: { source: 'bench', state: 'dead' }, dry_run: false }),
  });
  if (answer.status !== 202) throw new Error(`the resend was answered ${answer.status}`);
  return ((await answer.json()) as { id: string }).id;
}

async function cancel(relay: Relay, replay: string): Promise<void> {
  const answer = await fetch(`${relay.adminUrl}/api/replays/${replay}`, { method: 'DELETE' });
  if (answer.status !== 200) throw new Error(`the resend ended before the load did (${answer.status})`);
}

async function run(bench: Bench) {
  const { programs } = bench;
  const rounds = bench.quick ? 1 : 3;
  const folder = bench.folder();
  const dead = bench.quick ? DEAD_QUICK : DEAD;
  bench.say(`replay: filling ${dead} dead events`);
  await programs.run('fill.ts', [join(folder, 'data'), String(dead), 'dead']);
  await using sandbox = await programs.sandbox('all');
  await using relay = await programs.relay({ folder, mappings: bench.mappings, destination: sandbox.url });
  await bench.burst({ port: relay.port, seconds: WARM_SECONDS, rate: RATE, connections: CONNECTIONS });
  const alone: Round[] = [];
  const beside: Round[] = [];
  for (let count = 0; count < rounds; count++) {
    // Turn about, so that a machine that gets slower or faster meanwhile favours neither.
    const order = count % 2 === 0 ? [false, true] : [true, false];
    for (const resending of order) {
      const one = await round(bench, { relay, sandbox }, resending);
      (resending ? beside : alone).push(one);
      bench.say(
        `replay: p99 ${one.p99Ms} ms until delivered, ${one.ackP99Ms.toFixed(1)} ms until answered, ${resending ? `beside ${one.resent} events resent` : 'alone'}`,
      );
    }
  }
  const ratios = (of: (one: Round) => number) => beside.map((one, at) => of(one) / of(alone[at] as Round));
  const told = (of: (one: Round) => number) =>
    `${shown(median(alone.map(of)))} ms alone, ${shown(median(beside.map(of)))} ms beside`;
  const each = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(' ');
  const delivered = ratios(({ p99Ms }) => p99Ms);
  const acked = ratios(({ ackP99Ms }) => ackP99Ms);
  return [
    {
      name: 'replay: live p99 beside a resend, from receipt until delivered',
      value: median(delivered),
      unit: '×',
      target: { atMost: 1.1 },
      note: `${told(({ p99Ms }) => p99Ms)}; median of ${rounds}: ${each(delivered)}; ${RATE} webhooks/s of the same source`,
    },
    {
      name: 'replay: live p99 beside a resend, until answered',
      value: median(acked),
      unit: '×',
      target: null,
      note: `${told(({ ackP99Ms }) => ackP99Ms)}; ${each(acked)}`,
    },
    {
      name: 'replay: live p50 beside a resend, until delivered',
      value: median(ratios(({ p50Ms }) => p50Ms)),
      unit: '×',
      target: null,
      note: told(({ p50Ms }) => p50Ms),
    },
    {
      name: 'replay: dead events resent meanwhile',
      value: beside.reduce((sum, { resent }) => sum + resent, 0),
      unit: '',
      target: null,
      note: beside.map(({ resent }) => `${resent}`).join(', '),
    },
  ];
}

export const replay: Scenario = { name: 'replay', about: 'live traffic beside a resend of dead events', run };
