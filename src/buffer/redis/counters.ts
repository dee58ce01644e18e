/**
 * Counts that relays share beside the buffer: who was refused, how much came of a source. On a connection of their own, so that they
 * neither wait behind the buffer's answers nor hold them up; lost with their windows, and nothing that was accepted hangs on them.
 */
import type { Clock } from '../../clock.ts';
import { Connection, type Reply } from './connection.ts';

/** Of no shard: the braces keep all counts on one node of a cluster, which `MOVED` leads to. */
const prefix = '{relay:limits}:';
/** When a line counts as dead. Whoever asks waits less: how long is his to say. */
const deadlineMs = 1_000;

export type RedisCounters = AsyncDisposable & {
  /** Every key begins with it. */
  readonly prefix: string;
  /** Rejects at once while Redis is away, and within a second in any case. */
  command(args: readonly string[]): Promise<Reply>;
};

/** Redis need not be there yet: it is connected to behind our back, again and again. */
export function openRedisCounters({ url, clock }: { readonly url: string; readonly clock: Clock }): RedisCounters {
  const connection = new Connection({ url, clock, name: 'trackrelay-limits' });
  return {
    prefix,
    command: (args) => connection.call(args, { deadlineMs }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
