/**
 * Who of the relays on one Redis sends to which project (`../sendership.ts`): a name with an end, in shard 0, set by the server's clock and
 * moved on by the one who holds it some times before it comes.
 *
 *   another ──nobody's, or given to us──▶ this ──renewed──▶ this ──more waits for us than for others──▶ giving ──▶ another
 *                                           └──not renewed in time, by our own clock──▶ unknown ──heard again──▶ this, or another
 *
 * Our own clock starts when the question leaves, the server's when it comes there: so ours is the first to end.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { type Noted, noteLengthMax, type Sender, type Sendership, type SendershipOf } from '../sendership.ts';
import type { Argument, Reply } from './connection.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

const endsMs = 3_000;
/** Requests that are about to start, and clocks that do not run alike. */
const marginMs = 500;
/** Three times before it ends. */
const renewMs = 750;
/** What was noted is written so often at most. */
const pieceMs = 250;
const deadlineMs = 1_000;
/** A relay that comes and goes is given nothing. */
const steadyMsUsual = 10_000;

const sendersScript = script('senders', [], { allowOom: true });

export type SendershipsOptions = {
  /** The first one. */
  readonly shard: Shard;
  /** This one's id. */
  readonly relay: string;
  readonly clock: Clock;
  readonly steadyMs?: number;
};

type Kept = { readonly text: string; readonly at: number };

/** One project, as it was heard of last. */
class Post {
  readonly name: string;
  /** Destinations that have not resigned. */
  members = 0;
  heard: 'this' | 'another' = 'another';
  /** On our own clock: until then that counts. */
  until = Number.NEGATIVE_INFINITY;
  /** The relay that gets it. */
  giving = '';
  told: Sender = 'unknown';
  /** Somebody was told so, and waits to hear more. */
  unknown = false;
  readonly listeners = new Set<() => void>();
  /** By destination; `at`: on our own clock. */
  noted = new Map<string, Kept>();
  /** Not written yet. */
  readonly pending = new Map<string, Kept>();

  constructor(name: string) {
    this.name = name;
  }

  sender(now: number): Sender {
    if (now >= this.until) {
      this.unknown = true;
      return 'unknown';
    }
    return this.giving === '' && this.members > 0 ? this.heard : 'another';
  }

  /** What is asked for it. */
  words(now: number): Argument[] {
    const want = this.members === 0 ? 'leave' : this.giving || 'send';
    const notes = [...this.pending].flatMap(([destination, { text, at }]) => [
      ...[destination, String(Math.max(0, Math.round(now - at))), text],
    ]);
    return [this.name, want, String(this.pending.size), ...notes];
  }
}

export class Senderships {
  readonly #options: SendershipsOptions;
  readonly #posts = new Map<string, Post>();
  readonly #closing = new AbortController();
  #asking: Promise<unknown> = Promise.resolve();
  #askedAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;

  constructor(options: SendershipsOptions) {
    this.#options = options;
  }

  of({ project, destination }: SendershipOf): Sendership {
    const { relay, clock } = this.#options;
    const name = hash('sha256', project, 'base64url').slice(0, 22);
    const post = this.#posts.get(name) ?? new Post(name);
    this.#posts.set(name, post);
    post.members++;
    this.#running ??= this.#run();
    let resigned = false;
    return {
      relay,
      sender: () => (resigned ? 'another' : post.sender(clock.monotonic())),
      onChange(listener) {
        post.listeners.add(listener);
        return () => post.listeners.delete(listener);
      },
      note(text) {
        if (text.length <= noteLengthMax && !resigned && post.heard === 'this')
          post.pending.set(destination, { text, at: clock.monotonic() });
      },
      noted(): Noted | null {
        const kept = post.pending.get(destination) ?? post.noted.get(destination);
        return kept ? { text: kept.text, ageMs: clock.monotonic() - kept.at } : null;
      },
      resign: async () => {
        if (resigned) return;
        resigned = true;
        post.members--;
        if (post.members === 0) await this.#leave();
      },
    };
  }

  /** In order: what is held is free at once. */
  async end(): Promise<void> {
    const held = [...this.#posts.values()].filter(({ members }) => members > 0);
    for (const post of held) post.members = 0;
    if (held.length > 0) await this.#leave();
    await this.crash();
  }

  async crash(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    // All that are wanted at the start are asked for at once.
    await clock.wait(0, signal);
    while (!signal.aborted) {
      const noted = [...this.#posts.values()].some(({ pending, giving }) => pending.size > 0 || giving !== '');
      if (noted || clock.monotonic() - this.#askedAt >= renewMs) await this.#ask().catch(() => {});
      await clock.wait(pieceMs, signal);
    }
  }

  async #leave(): Promise<void> {
    // Redis is away: it ends by itself.
    await this.#ask().catch(() => {});
    for (const [name, { members }] of this.#posts) if (members === 0) this.#posts.delete(name);
  }

  /** One question after the other, or a late answer would be taken for the newest. */
  #ask(): Promise<void> {
    const asked = this.#asking.then(() => this.#askNow());
    this.#asking = asked.catch(() => {});
    return asked;
  }

  async #askNow(): Promise<void> {
    const { shard, clock, steadyMs = steadyMsUsual } = this.#options;
    const posts = [...this.#posts.values()];
    if (posts.length === 0) return;
    const now = clock.monotonic();
    const written = posts.map(({ pending }) => [...pending]);
    try {
      const words = posts.flatMap((post) => post.words(now));
      const answers = await shard.call(sendersScript, [String(endsMs), String(steadyMs), ...words], { deadlineMs });
      this.#askedAt = now;
      for (const [at, post] of posts.entries())
        this.#hear(post, answers[at] as readonly Reply[], now, written[at] ?? []);
    } finally {
      // Also when nothing was heard: it may be over by now.
      for (const post of posts) this.#tell(post);
    }
  }

  #hear(
    post: Post,
    [became, giveTo, notes]: readonly Reply[],
    askedAt: number,
    written: readonly [string, Kept][],
  ): void {
    const { clock } = this.#options;
    post.heard = became === 'another' ? 'another' : 'this';
    post.until = askedAt + endsMs - marginMs;
    post.giving = String(giveTo ?? '');
    // Of a time before another one sent, or may have sent.
    if (became !== 'this') post.pending.clear();
    for (const [destination, kept] of written)
      if (post.pending.get(destination) === kept) post.pending.delete(destination);
    const now = clock.monotonic();
    const rows = notes as readonly string[];
    post.noted = new Map();
    for (let at = 0; at < rows.length; at += 3) {
      const [destination = '', age, text = ''] = rows.slice(at, at + 3);
      post.noted.set(destination, { text, at: now - Number(age) });
    }
  }

  #tell(post: Post): void {
    const sender = post.sender(this.#options.clock.monotonic());
    const asBefore = sender === post.told && (sender === 'unknown' || !post.unknown);
    post.told = sender;
    post.unknown = sender === 'unknown';
    if (asBefore) return;
    for (const listener of post.listeners) listener();
  }
}
