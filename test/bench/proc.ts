/** What Linux says about a process and its children: memory held, processor time used and by which thread. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of USER_HZ: 100 on every Linux that Node runs on. */
const TICK_MICROS = 10_000;

/** Resident bytes of a process, and of its children and theirs. */
export function memoryOf(pid: number): { readonly own: number; readonly ownPeak: number; readonly tree: number } {
  const tree = [pid, ...childrenOf(pid)].reduce((sum, one) => sum + statusBytes(one, 'VmRSS'), 0);
  return { own: statusBytes(pid, 'VmRSS'), ownPeak: statusBytes(pid, 'VmHWM'), tree };
}

/** Microseconds of processor time since the start: unlike rates, they tell the same on a machine that is shared. */
export type Processor = { readonly main: number; readonly threads: number; readonly children: number };

export function processorOf(pid: number): Processor {
  const main = microsOf(`${pid}/task/${pid}`);
  const children = childrenOf(pid).reduce((sum, child) => sum + microsOf(`${child}`), 0);
  return { main, threads: microsOf(`${pid}`) - main, children };
}

export const allOf = ({ main, threads, children }: Processor) => main + threads + children;

/** What each of so many took between two looks. */
export function processorEach(before: Processor, after: Processor, count: number): Processor {
  return {
    main: (after.main - before.main) / count,
    threads: (after.threads - before.threads) / count,
    children: (after.children - before.children) / count,
  };
}

export function microsOf(path: string): number {
  const fields = fieldsOf(path);
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MICROS;
}

/** And theirs. */
export function childrenOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) if (/^\d+$/.test(name)) parents.set(Number(name), Number(fieldsOf(name)[1]));
  const below = (one: number): number[] =>
    [...parents].flatMap(([child, parent]) => (parent === one ? [child, ...below(child)] : []));
  return below(pid);
}

/** From the state on: the name before it is in parentheses and may hold spaces. */
function fieldsOf(path: string): string[] {
  const stat = read(`/proc/${path}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function statusBytes(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Empty: it is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
