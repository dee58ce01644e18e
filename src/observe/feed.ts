/**
 * The feed: what the log says, as it says it, to whoever listens now. Every line whatever its level, for those who follow
 * what happens; nothing is kept for those who come later. A listener that is slow loses lines and is told how many;
 * the relay never waits for one, and while nobody listens a line costs a comparison.
 */
import type { Clock } from '../clock.ts';
import { type Log, type LogFields, plainFields } from './log.ts';
import type { Mask } from './mask.ts';

export type FeedFilter = {
  readonly source?: string;
  /** Names of lines, or their first word: `delivery`, `event.dead`. */
  readonly kinds?: readonly string[];
};

export type FeedBatch = {
  /** JSON texts. */
  readonly lines: readonly string[];
  /** Lines that were lost before these. */
  readonly dropped: number;
};

export type FeedListener = Disposable & {
  /** What has come since, or nothing when `waitMs` went by. Null: the feed is over. */
  next(waitMs: number, signal: AbortSignal): Promise<FeedBatch | null>;
};

export type Feed = {
  tell(level: string, line: string, fields: LogFields | undefined): void;
  /** Null: too many listen already, or the relay stops. */
  listen(filter: FeedFilter): FeedListener | null;
  /** Ends every listener's feed, and takes no more. */
  close(): void;
};

export const feedListenersMax = 20;
/** A line has some 300 bytes. */
const LINES_WAITING_MAX = 500;

export function createFeed(options: { readonly clock: Clock; readonly mask: Mask }): Feed {
  const { clock, mask } = options;
  const listeners = new Set<Listener>();
  let closed = false;

  return {
    tell(level, line, fields) {
      if (listeners.size === 0) return;
      let text: string | null = null;
      for (const listener of listeners) {
        if (!wanted(listener.filter, line, fields)) continue;
        if (listener.full) {
          listener.dropped++;
          continue;
        }
        const time = new Date(clock.now()).toISOString();
        text ??= JSON.stringify({ level, time, ...plainFields(fields, mask), msg: line });
        listener.put(text);
      }
    },
    listen(filter) {
      if (closed || listeners.size >= feedListenersMax) return null;
      const listener = new Listener(filter, clock, () => listeners.delete(listener));
      listeners.add(listener);
      return listener;
    },
    close() {
      closed = true;
      for (const listener of listeners) listener.end();
    },
  };
}

/** A log whose lines also go to the feed. */
export function alsoTo(feed: Feed, log: Log): Log {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (line: string, fields?: LogFields) => {
    log[level](line, fields);
    feed.tell(level, line, fields);
  };
  return { ...log, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function wanted({ source, kinds }: FeedFilter, line: string, fields: LogFields | undefined): boolean {
  if (source !== undefined && fields?.source !== source) return false;
  return kinds === undefined || kinds.some((kind) => line === kind || line.startsWith(`${kind}.`));
}

class Listener implements FeedListener {
  readonly filter: FeedFilter;
  dropped = 0;
  readonly #clock: Clock;
  readonly #leave: () => void;
  #lines: string[] = [];
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(filter: FeedFilter, clock: Clock, leave: () => void) {
    this.filter = filter;
    this.#clock = clock;
    this.#leave = leave;
  }

  get full(): boolean {
    return this.#lines.length >= LINES_WAITING_MAX;
  }

  put(line: string): void {
    this.#lines.push(line);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#leave();
    this.#wake?.();
  }

  async next(waitMs: number, signal: AbortSignal): Promise<FeedBatch | null> {
    if (this.#lines.length === 0 && !this.#ended && !signal.aborted) {
      const something = new AbortController();
      this.#wake = () => something.abort();
      await this.#clock.wait(waitMs, AbortSignal.any([something.signal, signal]));
      this.#wake = null;
    }
    // What came before the end is still told.
    if (this.#ended && this.#lines.length === 0) return null;
    const batch = { lines: this.#lines, dropped: this.dropped };
    [this.#lines, this.dropped] = [[], 0];
    return batch;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
