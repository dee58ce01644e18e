/** The machine under the figures: without these facts none of them can be compared. */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

export type Machine = {
  readonly cores: number;
  readonly model: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly folder: string;
  readonly fileSystem: string;
  readonly fsyncP50Ms: number;
  readonly fsyncP99Ms: number;
  /** One minute's average before the bench began. */
  readonly loadAtStart: number;
  /** Share of all cores in use while the bench itself did nothing. */
  readonly othersShare: number;
};

const FSYNCS = 200;
const PAGE_BYTES = 4096;
const LOOK_MS = 1_000;
/** Above this share of the machine somebody else is at work. */
export const othersShareMax = 0.1;

export async function lookAtMachine(folder: string): Promise<Machine> {
  const loadAtStart = Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
  const before = cpuTimes();
  await after(LOOK_MS);
  const now = cpuTimes();
  const times = fsyncTimes(folder);
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGb: totalmem() / 1e9,
    node: process.version,
    folder,
    fileSystem: fileSystemOf(folder),
    fsyncP50Ms: times[Math.floor(FSYNCS * 0.5)] ?? Number.NaN,
    fsyncP99Ms: times[Math.floor(FSYNCS * 0.99)] ?? Number.NaN,
    loadAtStart,
    othersShare: (now.busy - before.busy) / Math.max(1, now.all - before.all),
  };
}

export function machineText(machine: Machine, pinned: boolean): string {
  const { cores, model, memoryGb, node, fileSystem, fsyncP50Ms, fsyncP99Ms, loadAtStart, othersShare } = machine;
  const others = othersShare > othersShareMax ? 'OTHER LOAD WAS SEEN, figures are too low' : 'no other load seen';
  return [
    `${cores} cores (${model}), ${memoryGb.toFixed(1)} GB, Node ${node}${pinned ? ', everything pinned to cores 0 and 1' : ', nothing pinned'}`,
    `data on ${fileSystem}: append 4 KB and fsync ${fsyncP50Ms.toFixed(2)} ms (p50), ${fsyncP99Ms.toFixed(2)} ms (p99)`,
    `load average at start ${loadAtStart.toFixed(2)}, ${Math.round(othersShare * 100)} % of the machine in use before the bench: ${others}`,
  ].join('\n');
}

/** Clock ticks of all cores since the machine started. */
function cpuTimes(): { busy: number; all: number } {
  const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/);
  const numbers = ticks.slice(0, 8).map(Number);
  const all = numbers.reduce((sum, tick) => sum + tick, 0);
  // The fourth and fifth are idle and waiting for the disk.
  return { busy: all - (numbers[3] ?? 0) - (numbers[4] ?? 0), all };
}

function fsyncTimes(folder: string): Float64Array {
  const path = join(folder, 'fsync');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(PAGE_BYTES, 'x');
  const times = Float64Array.from({ length: FSYNCS }, () => {
    const startedAt = performance.now();
    writeSync(file, page);
    fsyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(path);
  return times.sort();
}

/** The longest mount point above the folder. */
function fileSystemOf(folder: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at]) => at !== undefined && (at === '/' || folder === at || folder.startsWith(`${at}/`)));
  mounts.sort((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0));
  return mounts[0]?.[2] ?? 'an unknown file system';
}
