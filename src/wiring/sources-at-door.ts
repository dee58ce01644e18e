/**
 * The sources as the door needs them: each with its verifier and its limiter, made anew only when its source.yaml
 * changed, so that a change of a mapping does not start a limiter's window again.
 */
import type { Clock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { sourceLimiter } from '../intake/limits.ts';
import type { DoorSource } from '../intake/receive.ts';
import type { SharedCounting } from '../intake/shared-counting.ts';
import type { Source } from '../model.ts';
import { providers } from '../verify/registry.ts';
import type { RemoteTexts } from '../verify/remote-texts.ts';
import { createVerifier } from '../verify/verifier.ts';

export type SourcesAtDoor = {
  readonly find: (name: string) => DoorSource | null;
  /** Takes the sources as they are now; what was there and is not any more is gone from the door. */
  readonly take: (sources: readonly Source[]) => void;
  /** What each verifier has to remark, and why one could not be made. */
  readonly remarks: (name: string) => { readonly warnings: readonly string[]; readonly problem: string | null };
};

type Entry = { readonly door: DoorSource; readonly written: string; readonly problem: string | null };

export type SourcesAtDoorOptions = {
  readonly clock: Clock;
  readonly publicUrl: string | null;
  readonly remote: RemoteTexts;
  /** The secret that a provider handed over for this source; null: none. */
  readonly learned: (source: string) => string | null;
  /** With whom limits.accept is kept together; undefined: with nobody. */
  readonly shared: SharedCounting | undefined;
};

export function createSourcesAtDoor(options: SourcesAtDoorOptions): SourcesAtDoor {
  const { clock, shared } = options;
  let entries = new Map<string, Entry>();

  const enter = (configured: Source): Entry => {
    const source = withLearned(configured, options.learned(configured.name));
    const written = JSON.stringify(source);
    const before = entries.get(source.name);
    if (before?.written === written) return before;
    const sameRate =
      before && JSON.stringify(before.door.source.limits.accept) === JSON.stringify(source.limits.accept);
    const limiter = sameRate
      ? before.door.limiter
      : sourceLimiter({ source: source.name, rate: source.limits.accept, clock, shared });
    try {
      const verifier = createVerifier(source, options);
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

/** What source.yaml says comes first; a secret learned under another provider means nothing to this one. */
function withLearned(source: Source, secret: string | null): Source {
  if (secret === null || source.secrets.length > 0 || providers.get(source.provider)?.secretFrom !== 'learned') {
    return source;
  }
  return { ...source, secrets: [secret] };
}
