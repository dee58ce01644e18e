/** Secrets that providers handed over: what the store has of them, at hand for the door, and the way a new one comes in. */
import type { BufferKeeper } from '../buffer/contract.ts';
import type { Clock } from '../clock.ts';
import type { Source } from '../model.ts';

export type LearnedSecrets = AsyncDisposable & {
  readonly get: (source: string) => string | null;
  readonly all: () => readonly string[];
  /** Null: kept. Otherwise why not. Rejects when the store fails. */
  readonly learn: (source: Source, secret: string) => Promise<string | null>;
  /** False: there was none. */
  readonly forget: (source: string) => Promise<boolean>;
  /** Called after each change. */
  readonly onChange: (listener: () => void) => void;
};

/** A provider sends its first webhook some seconds after its handshake, and that may come to another relay. */
const LOOK_AGAIN_MS = 1_000;

/** Asana's have 32 characters, Notion's about 50. */
const secretLengthMax = 512;

const refusals = {
  not_armed: 'it brings a secret, but the source is not armed: run `trackrelay arm` first',
  has_secret: 'it brings a secret, but the source has one already',
} as const;

export async function openLearnedSecrets(
  buffer: Pick<BufferKeeper, 'learnSecret' | 'learnedSecrets' | 'forgetSecret'>,
  clock: Clock,
  /** `shared`: other relays learn and forget in the same store. */
  { shared = false }: { readonly shared?: boolean } = {},
): Promise<LearnedSecrets> {
  const secrets = new Map<string, string>();
  const listeners: (() => void)[] = [];
  const changed = () => {
    for (const listener of listeners) listener();
  };
  /** Answers whether anything is new. */
  const look = async (): Promise<boolean> => {
    const found = await buffer.learnedSecrets();
    const same =
      found.size === secrets.size && [...found].every(([source, { secret }]) => secrets.get(source) === secret);
    if (same) return false;
    secrets.clear();
    for (const [source, { secret }] of found) secrets.set(source, secret);
    return true;
  };
  await look();
  const ended = new AbortController();
  const looking = shared ? lookAgain() : Promise.resolve();
  async function lookAgain(): Promise<void> {
    while (!ended.signal.aborted) {
      await clock.wait(LOOK_AGAIN_MS, ended.signal);
      // A store that is away says so elsewhere; what was known still holds.
      if (!ended.signal.aborted && (await look().catch(() => false))) changed();
    }
  }
  return {
    get: (source) => secrets.get(source) ?? null,
    all: () => [...secrets.values()],
    async learn(source, secret) {
      // What source.yaml says is never replaced by what a stranger sends.
      if (source.secrets.length > 0) return refusals.has_secret;
      if (secret === '' || secret.length > secretLengthMax) return 'what it brings as a secret is none';
      const outcome = await buffer.learnSecret(source.name, secret, clock.now());
      if (outcome !== 'learned') return refusals[outcome];
      secrets.set(source.name, secret);
      changed();
      return null;
    },
    async forget(source) {
      const had = await buffer.forgetSecret(source);
      secrets.delete(source);
      changed();
      return had;
    },
    onChange: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      ended.abort();
      await looking;
    },
  };
}
