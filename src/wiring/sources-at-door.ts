/**
 * The sources as the door needs them: each with its verifier and its limiter, made anew only when its source.yaml
 * changed, so that a change of a mapping does not start a limiter's window again.
 */
import type { Clock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { sourceLimiter } from '../intake/limits.ts';
import type { DoorSource } from '../intake/receive.ts';
import type { Source } from '../model.ts';
import { createVerifier } from '../verify/verifier.ts';

export type SourcesAtDoor = {
  readonly find: (name: string) => DoorSource | null;
  /** Takes the sources as they are now; what was there and is not any more is gone from the door. */
  readonly take: (sources: readonly Source[]) => void;
  /** What each verifier has to remark, and why one could not be made. */
  readonly remarks: (name: string) => { readonly warnings: readonly string[]; readonly problem: string | null };
};

type Entry = { readonly door: DoorSource; readonly written: string; readonly problem: string | null };

export function createSourcesAtDoor(options: { clock: Clock; publicUrl: string | null }): SourcesAtDoor {
  let entries = new Map<string, Entry>();

  const enter = (source: Source): Entry => {
    const written = JSON.stringify(source);
    const before = entries.get(source.name);
    if (before?.written === written) return before;
    const sameRate =
      before && JSON.stringify(before.door.source.limits.accept) === JSON.stringify(source.limits.accept);
    const limiter = sameRate
      ? before.door.limiter
      : sourceLimiter({ source: source.name, rate: source.limits.accept, clock: options.clock });
    try {
      const verifier = createVerifier(source, { publicUrl: options.publicUrl });
      return { door: { source, verifier, limiter }, written, problem: null };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { door: { source, verifier: null, limiter }, written, problem: error.problems.join('; ') };
    }
  };

  return {
    find: (name) => entries.get(name)?.door ?? null,
    take: (sources) => {
      entries = new Map(sources.map((source) => [source.name, enter(source)]));
    },
    remarks: (name) => {
      const entry = entries.get(name);
      return { warnings: entry?.door.verifier?.warnings ?? [], problem: entry?.problem ?? null };
    },
  };
}
