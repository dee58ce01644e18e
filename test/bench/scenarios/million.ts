/**
 * A night without Mixpanel: a million events wait and the destination is still down. Each round starts the relay on the
 * backlog and then one on an empty folder, lets both accept a burst under the same conditions, and ends them.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Bench, Scenario } from '../bench.ts';
import { median, shown } from '../figures.ts';
import { type ListTimes, listTimes } from '../lists.ts';
import { memoryOf } from '../proc.ts';
import { countsOf, freePort } from '../programs.ts';

const WARM_SECONDS = 1;
const REST_MS = 2_000;
const MAPPED_MAX_MS = 60_000;
const MB = 1024 * 1024;

type Round = {
  readyMs: number;
  restBytes: number;
  peakBytes: number;
  treeBytes: number;
  perSecond: number;
  waiting: number;
  lists: ListTimes | null;
};

async function round(bench: Bench, folder: string, destination: string, askLists = false): Promise<Round> {
  const { programs, mappings } = bench;
  await using relay = await programs.relay({ folder, mappings, destination });
  await after(REST_MS);
  const { waiting } = await countsOf(relay);
  const restBytes = memoryOf(relay.pid).own;
  const lists = askLists ? await listTimes(relay) : null;
  await bench.burst({ port: relay.port, seconds: WARM_SECONDS });
  await programs.settled(relay, MAPPED_MAX_MS, true);
  const { perSecond } = await bench.burst({ port: relay.port, seconds: bench.quick ? 2 : 3 });
  await programs.settled(relay, MAPPED_MAX_MS, true);
  const { ownPeak, tree } = memoryOf(relay.pid);
  return { readyMs: relay.readyMs, restBytes, peakBytes: ownPeak, treeBytes: tree, perSecond, waiting, lists };
}

async function run(bench: Bench) {
  const backlog = bench.quick ? 100_000 : 1_000_000;
  const rounds = bench.quick ? 1 : 3;
  const folder = bench.folder();
  bench.say(`million: filling ${backlog} events`);
  await bench.programs.run('fill.ts', [join(folder, 'data'), String(backlog)]);
  // Nobody listens there.
  const destination = `http://127.0.0.1:${await freePort()}`;
  const full: Round[] = [];
  const empty: Round[] = [];
  for (let count = 0; count < rounds; count++) {
    const fresh = bench.folder();
    full.push(await round(bench, folder, destination, count === 0));
    empty.push(await round(bench, fresh, destination));
    rmSync(fresh, { recursive: true });
    const [one, other] = [full.at(-1) as Round, empty.at(-1) as Round];
    bench.say(
      `million: ready in ${Math.round(one.readyMs)} ms, ${Math.round(one.perSecond)}/s with ${one.waiting} waiting, ${Math.round(other.perSecond)}/s without`,
    );
  }
  rmSync(folder, { recursive: true });
  const ratios = full.map((one, index) => one.perSecond / (empty[index]?.perSecond ?? Number.NaN));
  const mostMb = (of: (round: Round) => number) => Math.max(...full.map(of)) / MB;
  const waiting = `${shown(full[0]?.waiting ?? 0)} events waiting`;
  const emptyReady = shown(median(empty.map((one) => one.readyMs)));
  return [
    {
      name: 'million: from start to ready',
      value: Math.max(...full.map((one) => one.readyMs)),
      unit: 'ms',
      target: { atMost: 2_000 },
      note: `${waiting}; slowest of ${rounds}; with an empty folder ${emptyReady} ms`,
    },
    {
      name: 'million: the slowest page of a list',
      value: full[0]?.lists?.slowestMs ?? Number.NaN,
      unit: 'ms',
      target: { atMost: 50 },
      note: `${full[0]?.lists?.asked} pages of 100, through the API; ${full[0]?.lists?.slowest}`,
    },
    {
      name: 'million: resident memory of the relay at rest',
      value: mostMb((one) => one.restBytes),
      unit: 'MB',
      target: { atMost: 300 },
      note: `${REST_MS / 1_000} s after it was ready`,
    },
    {
      name: 'million: its peak, a burst of accepting included',
      value: mostMb((one) => one.peakBytes),
      unit: 'MB',
      target: { atMost: 300 },
      note: `with its evaluators ${shown(mostMb((one) => one.treeBytes))} MB after the burst`,
    },
    {
      name: 'million: accepting, of the rate with an empty buffer',
      value: median(ratios),
      unit: '×',
      target: { atLeast: 0.9 },
      note: `median of ${rounds}: ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}; destination down in both`,
    },
  ];
}

export const million: Scenario = { name: 'million', about: 'a million events wait', run };
