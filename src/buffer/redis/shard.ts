/**
 * One shard as the keeper sees it: its prefix, its two connections, and how its scripts are called. Deliveries come in through a
 * door of their own, so that they never wait behind a large answer.
 */
import type { Clock } from '../../clock.ts';
import { type Argument, type Ask, Connection, type ConnectionOptions, type Reply } from './connection.ts';
import { formatVersion, prefixOf } from './keys.ts';
import { runScript, type Script, script } from './script.ts';
import { StoreBrokenError, StoreUnavailableError, troubleOf } from './trouble.ts';

/** Everything else: what reads much takes some ms, a slow fsync some hundred. */
export const workMs = 2_000;
/** What must not be left half known is asked again for so long, through a restart or a failover. */
const insistMs = 10_000;
const againMs = 100;
const knockMs = 1_000;

/** Changes nothing, and is refused where nothing may be changed. */
const knockScript = script('probe', [], { allowOom: true });
const meetScript = script('meet', [], { allowOom: true });

export type ShardOptions = ConnectionOptions & {
  readonly number: number;
  readonly shards: number;
  /** It is a relay's: nothing is done before it is known whether this is another Redis than the last time. */
  readonly relay?: boolean;
  /** This keeper's own id: who holds what. */
  readonly holder: string;
  /** What the server's clock says, when a test says so. */
  readonly serverTime: (() => number) | undefined;
  /** Pairs of lane and ready events, of the lanes that a script touched. */
  readonly onReady: (counts: readonly (string | number)[]) => void;
  readonly onBroken: (error: Error) => void;
};
type Asking = { readonly deadlineMs?: number; readonly bytes?: boolean; readonly door?: boolean };

/** Asks again while Redis is away, for so long. */
export async function untilThere<T>(
  { clock, mostMs, signal }: { readonly clock: Clock; readonly mostMs: number; readonly signal?: AbortSignal },
  ask: () => Promise<T>,
): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += againMs) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || waitedMs >= mostMs || signal?.aborted) throw error;
      await clock.wait(againMs, signal);
    }
  }
}

export class Shard {
  readonly number: number;
  readonly prefix: string;
  readonly door: Connection;
  readonly work: Connection;
  readonly #options: ShardOptions;
  readonly #closing = new AbortController();

  constructor(options: ShardOptions) {
    this.#options = options;
    this.number = options.number;
    this.prefix = prefixOf(options.number);
    const greet = options.relay ? (ask: Ask, again: boolean) => this.#meet(ask, again) : undefined;
    this.door = new Connection({ ...options, greet, name: `${options.name}-accept` });
    this.work = new Connection({ ...options, greet, name: options.name });
  }

  /** What the script answers. One that touches lanes answers their ready counts first: they are taken off here. */
  async call(script: Script, args: readonly Argument[], asking: Asking = {}): Promise<readonly Reply[]> {
    const { deadlineMs = workMs, bytes = false, door = false } = asking;
    const { onReady, onBroken } = this.#options;
    const connection = door ? this.door : this.work;
    try {
      const reply = await runScript(connection, script, this.prefix, [...this.#envelope(), ...args], {
        deadlineMs,
        bytes,
      });
      const parts = Array.isArray(reply) ? (reply as readonly Reply[]) : [reply];
      if (!script.countsReady) return parts;
      onReady(parts[0] as readonly (string | number)[]);
      return parts.slice(1);
    } catch (error) {
      if (error instanceof StoreBrokenError) onBroken(error);
      throw error;
    }
  }

  /** For scripts that change nothing the second time: asked again while Redis is away, for a while. */
  async insist(script: Script, args: readonly Argument[], asking: Asking = {}): Promise<readonly Reply[]> {
    const within = { clock: this.#options.clock, mostMs: insistMs, signal: this.#closing.signal };
    return await untilThere(within, () => this.call(script, args, asking));
  }

  /**
   * Whether the door's connection leads to where something can be kept: a node of a cluster says when the shard lies elsewhere, a primary that has
   * become a replica refuses, both before a webhook comes.
   */
  async knock(): Promise<void> {
    await this.call(knockScript, [], { deadlineMs: knockMs, door: true });
  }

  #envelope(): readonly string[] {
    const { holder, shards, serverTime } = this.#options;
    const time = serverTime ? String(Math.floor(serverTime())) : '';
    return [time, holder, String(shards), String(this.number)];
  }

  /** A server is known by its run and by the history it writes: the one changes with each start, the other when a replica becomes a primary. */
  async #meet(ask: Ask, again: boolean): Promise<void> {
    try {
      const told = [await ask(['INFO', 'server']), await ask(['INFO', 'replication'])].join('\n');
      const [run, history] = [/^run_id:(\w+)/m, /^master_replid:(\w+)/m].map((field) => field.exec(told)?.[1]);
      const args = [String(formatVersion), `${run} ${history}`, again ? '1' : ''];
      await ask(['EVAL', meetScript.text, '1', this.prefix, ...this.#envelope(), ...args]);
    } catch (error) {
      // Not the server's to say: whoever asks next hears that it may not, or that the keys are not ours.
      if (/^[A-Z]+ /.test((error as Error).message) && !(troubleOf(error as Error) instanceof StoreUnavailableError))
        return;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.door.close(), this.work.close()]);
  }
}
