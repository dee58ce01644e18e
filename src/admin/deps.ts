/** What the private port asks of the rest of the relay. */
import type { BufferKeeper, Page, PageRequest } from '../buffer/contract.ts';
import type { ReplayMode, ReplayRecord, Selection } from '../buffer/replaying.ts';
import type { Clock } from '../clock.ts';
import type { Feed } from '../observe/feed.ts';
import type { PrivateHealthReport } from '../observe/health.ts';
import type { Mask } from '../observe/mask.ts';
import type { RefusedFilter } from '../observe/refused-ring.ts';
import type { Attempts } from './guards.ts';
import type { ArmingAccess } from './routes/arming.ts';
import type { PreviewAsked, PreviewOutcome } from './schemas/preview.ts';
import type { RefusedItem, RefusedVerdict } from './schemas/refused.ts';
import type { ListedSource } from './source-list.ts';

export type AdminDeps = {
  readonly clock: Clock;
  /** Null: only possible on loopback, and then only loopback names are answered. */
  readonly token: string | null;
  /** May only read; null: there is none. */
  readonly readToken: string | null;
  readonly attempts: Attempts;
  readonly mask: Mask;
  readonly health: () => Promise<PrivateHealthReport>;
  /** Whether webhooks can be accepted. */
  readonly ready: () => boolean;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly sources: () => readonly ListedSource[];
  /** RELAY_PUBLIC_URL, or the public listener's own address; without a slash at its end. */
  readonly publicUrl: () => string;
  readonly buffer: Pick<BufferKeeper, 'deliveries' | 'delivery' | 'deadLetters' | 'deadLetter'>;
  readonly arming: ArmingAccess;
  readonly refused: RefusedAccess;
  readonly feed: Feed;
  readonly replays: ReplaysAccess;
  readonly preview: (asked: PreviewAsked) => Promise<PreviewOutcome>;
  /** Null: not in sandbox mode. */
  readonly sandbox: SandboxAccess | null;
  /** A request failed in the relay itself. */
  readonly failed: (request: string, error: unknown) => void;
};

export type ReplayAsked = {
  readonly mode: ReplayMode;
  readonly selection: Selection;
  readonly edit?: { readonly event: unknown };
};
export type ReplayRefused = {
  readonly refused: { readonly code: 'bad_mode' | 'bad_selection' | 'bad_edit' | 'too_many'; readonly message: string };
};
/** `over` before `storing` was called: it certainly never begins. After that it may have, and its id tells which. */
export type Patience = { readonly over: AbortSignal; readonly storing: (id: string) => void };
export type ReplaysAccess = {
  /** What a replay would do; changes nothing. */
  readonly dryRun: (asked: ReplayAsked, over: AbortSignal) => Promise<object | ReplayRefused>;
  readonly start: (
    asked: ReplayAsked,
    by: string,
    patience: Patience,
  ) => Promise<{ readonly id: string; readonly count: number } | ReplayRefused>;
  readonly cancel: (id: string) => Promise<'cancelled' | 'ended' | 'unknown'>;
  /** Null: not known, or not kept any more. */
  readonly record: (id: string) => Promise<ReplayRecord | null>;
  readonly records: (page: PageRequest) => Promise<Page<ReplayRecord>>;
};

/** The refused requests, masked. */
export type RefusedAccess = {
  readonly list: (filter: RefusedFilter, page: PageRequest) => Page<RefusedItem>;
  /** Null: it is not there any more. */
  readonly one: (id: string) => RefusedItem | null;
  /** By the configuration of now. Null: it is not there any more. `cut`: its body is not whole any more. */
  readonly verify: (id: string) => Promise<RefusedVerdict | 'cut' | null>;
};

export type SandboxAccess = {
  readonly events: (page: PageRequest) => Promise<Page<unknown>>;
  /** Profiles and groups after their updates. */
  readonly profiles: (page: PageRequest) => Promise<Page<unknown>>;
  readonly clear: () => Promise<void>;
};

/**
 * The promise's value, or a refusal when it takes too long; what comes after that is nobody's any more. Work that is given the
 * signal is told so.
 */
export type Bounded = <T>(work: Promise<T> | ((over: AbortSignal) => Promise<T>), withinMs?: number) => Promise<T>;
