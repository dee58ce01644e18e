/** What the relays on one store run: told and asked some times a minute, so that health can say where a source's mapping is not the same. */
import type { BufferKeeper, Instance } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { SourceStatus } from '../observe/health.ts';

export type OtherRelays = Disposable & {
  /** With what all relays run, where that differs. */
  compared(sources: readonly SourceStatus[]): readonly SourceStatus[];
};

export type OtherRelaysOptions = {
  readonly buffer: Pick<BufferKeeper, 'noteInstance'>;
  readonly clock: Clock;
  readonly sources: () => readonly SourceStatus[];
};

const TELL_MS = 3_000;

export function openOtherRelays({ buffer, clock, sources }: OtherRelaysOptions): OtherRelays {
  const ended = new AbortController();
  let others: readonly Instance[] = [];
  if (buffer.noteInstance) void tell();
  async function tell(): Promise<void> {
    while (!ended.signal.aborted) {
      // A store that is away says so elsewhere; what was known may still be so.
      const known = await buffer.noteInstance?.(revisionsOf(sources())).catch(() => null);
      if (known) others = known.slice(1);
      await clock.wait(TELL_MS, ended.signal);
    }
  }
  return {
    compared: (now) => (others.length === 0 ? now : now.map((source) => comparedTo(others, source))),
    // A question under way is the buffer's to wait for when it closes.
    [Symbol.dispose]: () => ended.abort(),
  };
}

function revisionsOf(sources: readonly SourceStatus[]): Instance {
  return new Map(sources.flatMap(({ name, revision }) => (revision === null ? [] : [[name, revision]])));
}

function comparedTo(others: readonly Instance[], source: SourceStatus): SourceStatus {
  const revisions = others.map((one) => one.get(source.name) ?? null);
  if (revisions.every((revision) => revision === source.revision)) return source;
  const elsewhere = Map.groupBy(revisions, (revision) => revision);
  return { ...source, elsewhere: [...elsewhere].map(([revision, { length }]) => ({ revision, relays: length })) };
}
