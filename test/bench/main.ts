/**
 * `npm run bench`: how fast, how small. The scenarios run one after another, each in fresh processes on a real disk, and
 * end as a table of figures beside what was promised (issue 2, "Speed and memory"; issues 5 and 6). Not a timed test: it exits 1 only
 * when something could not be measured or was answered wrongly.
 *
 *   node test/bench/main.ts [--only NAME]... [--quick] [--json] [--profile FOLDER]     (--help names the scenarios)
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench, type Scenario } from './bench.ts';
import { writeBenchSource } from './bench-source.ts';
import { type Figure, reached, tableOf } from './figures.ts';
import { lookAtMachine, type Machine, machineText } from './machine.ts';
import { Programs, root } from './programs.ts';
import { accept } from './scenarios/accept.ts';
import { bloomreach } from './scenarios/bloomreach.ts';
import { costs } from './scenarios/costs.ts';
import { drain } from './scenarios/drain.ts';
import { latency } from './scenarios/latency.ts';
import { million } from './scenarios/million.ts';
import { path } from './scenarios/path.ts';
import { redis } from './scenarios/redis.ts';
import { replay } from './scenarios/replay.ts';

/** The short ones first: what the bound cuts off on a slow machine is the last. */
const scenarios: readonly Scenario[] = [costs, latency, accept, path, drain, bloomreach, million, replay, redis];
const BOUND_MS = 12 * 60_000;
const QUICK_BOUND_MS = 180_000;
/** Of a stack trace, the head. */
const PROBLEM_MAX = 600;
/** The figures are promised for two cores. */
const CORES = 2;

function help(): string {
  const wide = Math.max(...scenarios.map(({ name }) => name.length));
  const lines = scenarios.map(({ name, about }) => `  ${name.padEnd(wide)}  ${about}\n`);
  return `node test/bench/main.ts [--only NAME]... [--quick] [--json] [--profile FOLDER]\n\n${lines.join('')}`;
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help());
    process.exit(0);
  }
  const names = scenarios.map(({ name }) => name);
  const unknown = values.only?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`There is no scenario ${unknown}: there are ${names.join(', ')}.\n`);
    process.exit(2);
  }
  const chosen = values.only ? scenarios.filter(({ name }) => values.only?.includes(name)) : scenarios;
  return { ...values, chosen };
}

/** More than two cores: everything shares two of them. */
function pinning(): readonly string[] {
  if (availableParallelism() <= CORES) return [];
  try {
    execFileSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' });
    return ['taskset', '-c', '0,1'];
  } catch {
    return [];
  }
}

type Report = {
  readonly machine: Machine;
  readonly figures: Figure[];
  readonly problems: string[];
  readonly seconds: number;
};

async function runAll(options: ReturnType<typeof readArguments>): Promise<{ report: Report; pinned: boolean }> {
  const { quick, chosen, profile } = options;
  mkdirSync(join(root, 'data'), { recursive: true });
  const folder = mkdtempSync(join(root, 'data/bench-'));
  const over = new AbortController();
  const before = pinning();
  const relayFlags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`];
  const programs = new Programs({ before, relayFlags, over: over.signal });
  const clear = () => {
    programs.killAll();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  process.once('exit', clear);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const boundMs = quick ? QUICK_BOUND_MS : BOUND_MS;
  const bell = setTimeout(() => {
    over.abort(new Error(`the whole bench has ${boundMs / 1_000} s`));
    programs.killAll();
  }, boundMs);
  const say = (text: string) => void process.stderr.write(`  ${text}\n`);
  const startedAt = performance.now();
  const machine = await lookAtMachine(folder);
  const bench = new Bench({ programs, quick, say, folder, mappings: writeBenchSource(folder) });
  const figures: Figure[] = [];
  const problems: string[] = [];
  for (const { name, run } of chosen) {
    try {
      figures.push(...(await run(bench)));
    } catch (error) {
      problems.push(
        `${name} was not measured: ${String(over.signal.aborted ? over.signal.reason : error).slice(0, PROBLEM_MAX)}`,
      );
    }
  }
  clearTimeout(bell);
  if (bench.requests > 0) figures.push(wrongAnswers(bench));
  return {
    pinned: before.length > 0,
    report: { machine, figures, problems, seconds: (performance.now() - startedAt) / 1_000 },
  };
}

function wrongAnswers({ wrongAnswers, requests }: Bench): Figure {
  const kinds = Object.entries(wrongAnswers);
  return {
    name: 'answers other than 200',
    value: kinds.reduce((sum, [, count]) => sum + count, 0),
    unit: '',
    target: { atMost: 0 },
    note: `of ${requests} requests${kinds.map(([kind, count]) => `; ${kind}: ${count}`).join('')}`,
  };
}

const options = readArguments();
const { report, pinned } = await runAll(options);
const { machine, figures, problems, seconds } = report;
if (options.json) {
  const told = figures.map((figure) => ({ ...figure, reached: reached(figure) }));
  process.stdout.write(
    `${JSON.stringify({ machine: { ...machine, pinned }, quick: options.quick, figures: told, problems, seconds })}\n`,
  );
} else {
  const quick = options.quick ? ' (--quick: smaller and shorter, only for a first look)' : '';
  process.stdout.write(`\n${machineText(machine, pinned)}\n${Math.round(seconds)} s${quick}\n\n${tableOf(figures)}\n`);
  for (const problem of problems) process.stdout.write(`\n${problem}\n`);
}
const wrong = figures.some(({ name, value }) => name === 'answers other than 200' && value > 0);
process.exit(problems.length > 0 || wrong ? 1 : 0);
