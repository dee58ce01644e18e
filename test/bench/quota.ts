/**
 * A part of a core for a process and all it starts, kept by the kernel (cgroup version 1 or 2): on two cores this is how three programs
 * have a core of their own each, a slower one. Not everywhere may a group be made: then there is none.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childrenOf } from './proc.ts';

/** Short, so that nobody rests long: a slow core, not one that stops and goes. */
const PERIOD_MICROS = 10_000;

export class Quota implements Disposable {
  readonly #root: string;
  readonly #folder: string;
  readonly #held: number[] = [];

  private constructor(root: string, folder: string) {
    this.#root = root;
    this.#folder = folder;
  }

  /** `cores`: such as 0.3. Null: it is not permitted here. */
  static of(name: string, cores: number): Quota | null {
    const old = existsSync('/sys/fs/cgroup/cpu/cgroup.procs');
    const root = old ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup';
    const folder = join(root, `bench-${process.pid}-${name}`);
    const micros = Math.round(cores * PERIOD_MICROS);
    try {
      mkdirSync(folder);
      if (!old) writeFileSync(join(folder, 'cpu.max'), `${micros} ${PERIOD_MICROS}`);
      else {
        writeFileSync(join(folder, 'cpu.cfs_period_us'), String(PERIOD_MICROS));
        writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(micros));
      }
      return new Quota(root, folder);
    } catch {
      if (existsSync(folder)) rmdirSync(folder);
      return null;
    }
  }

  /** What it starts later is held, too. */
  hold(pid: number): void {
    for (const one of [pid, ...childrenOf(pid)]) {
      writeFileSync(join(this.#folder, 'cgroup.procs'), String(one));
      this.#held.push(one);
    }
  }

  /** What still runs goes on without it. */
  [Symbol.dispose](): void {
    for (const pid of this.#held.flatMap((one) => [one, ...childrenOf(one)]))
      if (existsSync(`/proc/${pid}`)) writeFileSync(join(this.#root, 'cgroup.procs'), String(pid));
    rmdirSync(this.#folder);
  }
}
