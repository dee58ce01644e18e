/** What Mixpanel's `/track` does with one record: store, drop in silence, or count as invalid. */
import {
  FUTURE_MAX_MS,
  isPlaceholder,
  isRecord,
  type JsonRecord,
  nestingViolation,
  TIME_MIN,
} from '../mixpanel/rules.ts';
import type { SandboxRecord } from './ledger.ts';

export type TrackSwitches = {
  /** Tokens of known projects; null: any. An unknown one is accepted and its events are discarded, as at Mixpanel. */
  readonly tokens: ReadonlySet<string> | null;
  /** Whether an event older than five days counts as valid though it is dropped (the documents disagree). */
  readonly silentOldEvents: boolean;
  readonly placeholderIds: 'accept' | 'drop';
};

export type Verdict =
  | { readonly kind: 'store'; readonly record: SandboxRecord }
  | { readonly kind: 'drop' }
  | { readonly kind: 'invalid'; readonly error: string };

const AGE_MAX_MS = 5 * 24 * 3_600_000;
/** Below this a number is seconds. */
const SECONDS_BELOW = 1e11;

/** In code points. */
const TEXT_MAX = 255;

const drop: Verdict = { kind: 'drop' };

export function judge(value: unknown, switches: TrackSwitches, now: number): Verdict {
  if (!isRecord(value) || typeof value.event !== 'string' || value.event === '' || !isRecord(value.properties)) {
    return invalid('data, missing or empty');
  }
  const { event, properties } = value;
  const { token, time } = properties;
  if (typeof token !== 'string' || token === '') return invalid('token, missing or empty');
  if (switches.tokens && !switches.tokens.has(token)) return drop;
  if (event === '$merge') return invalid('$merge is only taken by /import');
  if (time !== undefined) {
    const at = milliseconds(time);
    if (at === null || at < TIME_MIN) return invalid("'properties.time' is invalid");
    if (at < now - AGE_MAX_MS) return switches.silentOldEvents ? drop : invalid('event is too old');
  }
  if (isIgnored(properties)) return drop;
  if (switches.placeholderIds === 'drop' && isPlaceholder(String(properties.distinct_id ?? ''))) return drop;
  const nesting = nestingViolation(properties);
  return nesting ? invalid(nesting.message) : { kind: 'store', record: stored(event, properties, now) };
}

/** Any truthy value has the event dropped without a word. */
export function isIgnored({ $ignore: ignore }: JsonRecord): boolean {
  return ignore === true || (typeof ignore === 'string' && ignore !== '');
}

/** Long texts are cut, not refused; an event from the future happens now. */
export function stored(event: string, properties: JsonRecord, now: number): SandboxRecord {
  let kept = properties;
  for (const name in properties) {
    const text = properties[name];
    if (typeof text !== 'string' || text.length <= TEXT_MAX) continue;
    kept = { ...kept, [name]: [...text].slice(0, TEXT_MAX).join('') };
  }
  const at = milliseconds(properties.time);
  if (at === null || at > now + FUTURE_MAX_MS) kept = { ...kept, time: now };
  return { event, properties: kept };
}

export function milliseconds(time: unknown): number | null {
  const number = typeof time === 'string' && time.trim() !== '' ? Number(time) : time;
  if (typeof number !== 'number' || !Number.isFinite(number)) return null;
  return number < SECONDS_BELOW ? number * 1000 : number;
}

function invalid(error: string): Verdict {
  return { kind: 'invalid', error };
}
