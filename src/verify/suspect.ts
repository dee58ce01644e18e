/** A request that is looked into, and how what is found is said. */
import type { Source } from '../model.ts';
import type { RawRequest } from './contract.ts';
import type { Provider } from './provider.ts';
import type { SignedScheme } from './scheme.ts';
import type { VerifierOptions } from './verifier.ts';

export type Suspect = {
  readonly source: Source;
  readonly provider: Provider;
  readonly request: RawRequest;
  readonly options: VerifierOptions;
  /** When it came. */
  readonly now: number;
  /** The signed time, where it can be read; else `now`. */
  readonly at: number;
  readonly schemes: readonly SignedScheme[];
};

/** A query may hold a key. */
export function withoutQuery(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? url : `${url.slice(0, at)}?…`;
}

export function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 180) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
