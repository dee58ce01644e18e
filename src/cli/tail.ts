/**
 * `tail`: follows what a running relay does until Ctrl-C. When the connection breaks it comes back by itself; what happened
 * meanwhile is not told. Exit 3: the relay was not reachable to begin with.
 */
import { type Clock, systemClock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { followEvents } from './event-stream.ts';
import type { Context } from './program.ts';
import { stopSignal } from './stop.ts';
import { type FeedLine, TailLines, TOGETHER_MS } from './tail-lines.ts';

export type TailOptions = {
  readonly source?: string;
  /** Names of lines or their first words, with commas. */
  readonly kind?: string;
  readonly url?: string;
};

const AGAIN_MS = 1_000;
const AGAIN_MAX_MS = 10_000;

export async function tail(
  options: TailOptions,
  { output, json }: Context,
  { clock = systemClock, stop = stopped() }: { clock?: Clock; stop?: AbortSignal } = {},
): Promise<number> {
  const lines = new TailLines(output);
  const print = (told: readonly string[]) => {
    for (const line of told) output.result(line);
  };
  const hear = (kind: string, data: string) => {
    if (kind === 'dropped') output.say(`… ${lost(data)} lines were lost: they came faster than they could be read`);
    else if (json) output.result(data);
    else print(lines.take(lineOf(data), clock.monotonic()));
  };
  const over = new AbortController();
  const ticking = tick(clock, AbortSignal.any([stop, over.signal]), () => print(lines.overdue(clock.monotonic())));
  try {
    await follow({ ...options, output, clock, stop, hear });
  } finally {
    over.abort();
    await ticking;
  }
  print(lines.overdue(Number.POSITIVE_INFINITY));
  return 0;
}

type Following = TailOptions & {
  readonly output: Context['output'];
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly hear: (kind: string, data: string) => void;
};

async function follow({ source, kind, url, output, clock, stop, hear }: Following): Promise<void> {
  const fields = Object.entries({ source, kind }).filter((field): field is [string, string] => field[1] !== undefined);
  const query = new URLSearchParams(fields).toString();
  const path = `/api/feed${query === '' ? '' : `?${query}`}`;
  let wasOpen = false;
  let waitMs = AGAIN_MS;
  const onOpen = () => {
    if (wasOpen) output.say('… connected again');
    else output.say('Following the relay; Ctrl-C ends it.');
    wasOpen = true;
    waitMs = AGAIN_MS;
  };
  while (!stop.aborted) {
    try {
      await followEvents({ url, path, signal: stop, onMessage: hear, onOpen });
      if (!stop.aborted) output.say('… the connection is gone; trying again');
    } catch (error) {
      // What the relay refuses will not change by asking again.
      if (!wasOpen || !(error instanceof UsageError) || error.exitCode !== 3) throw error;
    }
    await clock.wait(waitMs, stop);
    waitMs = Math.min(waitMs * 2, AGAIN_MAX_MS);
  }
}

async function tick(clock: Clock, stop: AbortSignal, action: () => void): Promise<void> {
  while (!stop.aborted) {
    await clock.wait(TOGETHER_MS / 3, stop);
    if (!stop.aborted) action();
  }
}

function lineOf(data: string): FeedLine {
  try {
    const parsed: unknown = JSON.parse(data);
    if (typeof parsed === 'object' && parsed !== null) return parsed as FeedLine;
  } catch {
    // Told as it is.
  }
  return { msg: data };
}

function lost(data: string): string {
  return String(lineOf(data).lines ?? 'some');
}

function stopped(): AbortSignal {
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  return stop.signal;
}
