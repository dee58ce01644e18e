/** What was acknowledged is there, however the process ended. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { movedClock } from '../support/buffer-fixtures.ts';

const childFile = join(import.meta.dirname, '../support/buffer-child.ts');

type Child = { readonly ended: Promise<number | null>; readonly pid: number; lines(): string[]; kill(): void };

/** Its words go to a file: a pipe that is full would slow it or make it fail. */
function startChild(folder: string, args: readonly string[], under: readonly string[] = []): Child {
  const log = openSync(join(folder, 'words'), 'w');
  const [program = '', ...rest] = [...under, process.execPath, childFile, folder, ...args];
  const child = spawn(program, rest, { stdio: ['ignore', log, 'inherit'] });
  closeSync(log);
  return {
    ended: new Promise((resolve) => child.once('close', resolve)),
    pid: child.pid ?? 0,
    lines: () => readFileSync(join(folder, 'words'), 'utf8').split('\n').slice(0, -1),
    kill: () => child.kill('SIGKILL'),
  };
}

async function wrote(child: Child, count: number): Promise<void> {
  await expect.poll(() => child.lines().length, { interval: 5, timeout: 20_000 }).toBeGreaterThanOrEqual(count);
}

async function keptIds(folder: string): Promise<Set<string>> {
  await using buffer = await openSqliteBuffer({
    folder,
    clock: movedClock(),
    bytesMax: 1024 ** 3,
    keepDeliveriesMs: 3_600_000,
  });
  const ids = new Set<string>();
  for (let after = 0; ; ) {
    const next = await buffer.nextDeliveries({ after, limit: 1_000, bytesMax: 10_000_000 });
    for (const { id } of next) ids.add(id);
    const last = next.at(-1);
    if (!last) return ids;
    after = last.position;
  }
}

const acknowledged = (lines: readonly string[]) => lines.filter((line) => line.startsWith('dlv_'));

describe('a store that is killed', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'buffer-crash-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has every delivery it acknowledged, after four kills at different moments', async () => {
    const acks: string[] = [];
    for (const count of [2, 300, 1_500, 4_000]) {
      const child = startChild(folder, ['16']);
      await wrote(child, count);
      child.kill();
      await child.ended;
      acks.push(...acknowledged(child.lines()));
    }
    const kept = await keptIds(folder);
    expect(acks.length).toBeGreaterThan(5_000);
    expect(acks.filter((id) => !kept.has(id))).toEqual([]);
  });

  it('refuses a second process and names the first, until that one is dead', async () => {
    const child = startChild(folder, ['1']);
    await wrote(child, 1);
    const open = () => openSqliteBuffer({ folder, clock: systemClock, bytesMax: 1024 ** 2, keepDeliveriesMs: 1 });
    await expect(open()).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining(`pid ${child.pid} `) });
    child.kill();
    await child.ended;
    await expect(open().then((buffer) => buffer[Symbol.asyncDispose]())).resolves.toBeUndefined();
  });
});

describe('a disk that fails', () => {
  it('is only full, and not broken, when a file may not grow any more', async () => {
    const child = startChild(folder, ['4', '5000'], ['bash', '-c', 'ulimit -f 3000; exec "$@"', 'bash']);
    expect(await child.ended).toBe(0);
    const lines = child.lines();
    expect(lines.at(-1)).toBe('full');
    const kept = await keptIds(folder);
    expect(acknowledged(lines).length).toBeGreaterThan(0);
    expect(acknowledged(lines).filter((id) => !kept.has(id))).toEqual([]);
  });

  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'buffer-fault-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  // Counted from the thread's start: some ten transactions are done when the fault begins.
  const faults = [
    ['fsync', 12],
    ['pwrite64', 150],
  ] as const;
  for (const [call, good] of faults)
    it(`ends the store at the first failed ${call}: nothing is acknowledged after it, nothing acknowledged is missing`, async () => {
      // A store that exists, so that only its use meets the fault.
      await keptIds(folder);
      const inject = `inject=${call}:error=EIO:when=${good}+`;
      const trace = join(folder, 'trace');
      const under = ['strace', '-f', '-qq', '-o', trace, '-e', `trace=${call}`, '-e', inject];
      const child = startChild(folder, ['4', '5000'], under);
      expect(await child.ended).toBe(1);
      expect(readFileSync(trace, 'utf8')).toContain('(INJECTED)');
      const lines = child.lines();
      expect(lines.at(-1)).toMatch(/^failed .*SQLite \d+/);
      const acks = acknowledged(lines);
      expect(acks.length).toBeGreaterThan(0);
      const kept = await keptIds(folder);
      expect(acks.filter((id) => !kept.has(id))).toEqual([]);
    });
});
