/** Events leave only after they are on disk: a power cut must not make them anew with another identity. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const program = resolve(import.meta.dirname, '../support/buffer-lease-child.ts');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'buffer-sync-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function underStrace(...options: string[]) {
  const trace = join(folder, 'trace');
  const args = ['-f', '-qq', '-o', trace, ...options, process.execPath, program, join(folder, 'store')];
  const { stdout, status } = spawnSync('strace', args, { encoding: 'utf8', timeout: 25_000 });
  return { stdout, status, trace: readFileSync(trace, 'utf8') };
}

/** Syncs and what the program said, in the order they happened. */
function orderOf(trace: string): string[] {
  return [...trace.matchAll(/f(?:data)?sync\(|"(mapped|leased|armed|learned)/g)].map((match) => match[1] ?? 'sync');
}

it('syncs the log between the commit of an event and its lease', () => {
  const { stdout, trace } = underStrace('-e', 'trace=fdatasync,write');
  expect(stdout).toMatch(/^mapped\nleased 1\n/);
  const order = orderOf(trace);
  expect(order.slice(order.indexOf('mapped'), order.indexOf('leased') + 1)).toEqual(['mapped', 'sync', 'leased']);
});

it('syncs a learned secret before it says so', () => {
  // SQLite's own commits are fsyncs.
  const { stdout, trace } = underStrace('-e', 'trace=fsync,write');
  expect(stdout).toMatch(/armed\nlearned\n$/);
  const order = orderOf(trace);
  expect(order.slice(order.indexOf('armed'), order.indexOf('learned') + 1)).toEqual(['armed', 'sync', 'learned']);
});

it('leases nothing when the log cannot be synced, and the store has failed', () => {
  const { stdout, status, trace } = underStrace('-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=1+');
  expect(trace).toContain('(INJECTED)');
  expect(stdout).toContain('mapped\n');
  expect(stdout).not.toContain('leased');
  expect(status).toBe(1);
});
