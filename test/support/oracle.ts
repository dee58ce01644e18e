/**
 * The oracle of the journeys, outside the relay: every 200 is an obligation (id, body). After the destination's own
 * de-duplication each must have arrived exactly once with an equal body, and nothing that was never sent.
 *
 * A request that broke, or met a relay that was stopping, is no obligation: its event may be there (the 200 was lost on
 * the way) or not. What was refused for its rate or for lack of room must not be there. Chance comes from a seed, so that what a failing run sent can be sent again.
 */
import { createHash } from 'node:crypto';
import type { Sandbox } from '../../src/destinations/sandbox/sandbox.ts';
import { type Answer, percentile, type Webhook } from './senders.ts';

/** mulberry32: small, even enough, the same on every machine. */
export function chanceFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** RELAY_TEST_SEED repeats a run. */
export function newSeed(): number {
  return Number(process.env.RELAY_TEST_SEED ?? Date.now() % 1_000_000_007);
}

/** Letters that JSON, form, UTF-8 and UTF-16 each have their own ideas about. */
const LETTERS = [...'abcdefghij0123456789 "\\/<>&%+=é€ß中😀\t'];

const digestOf = (text: string) => createHash('sha256').update(text).digest('base64').slice(0, 20);

/** The mapping that the oracle understands: what came in goes out, as far as Mixpanel's 255 characters allow. */
export const numberedMapping =
  '{"event": "Numbered", "properties": {"id": id, "text": text, "filler": $length(filler)}}';

type Issued = { readonly print: string; readonly source: string };

export class Oracle {
  readonly seed: number;
  readonly chance: () => number;
  readonly statuses: Record<string, number> = {};
  readonly timesMs: number[] = [];
  readonly answers: Answer[] = [];
  readonly #issued = new Map<string, Issued>();
  readonly #owed = new Map<string, string>();
  /** Owed, but as a dead letter or skipped: they must not arrive. */
  readonly #excused = new Set<string>();
  /** Told that nothing was kept: then nothing may arrive. */
  readonly #refused = new Set<string>();
  #count = 0;

  constructor(seed = newSeed()) {
    this.seed = seed;
    this.chance = chanceFrom(seed);
  }

  get owed(): number {
    return this.#owed.size;
  }

  get issued(): number {
    return this.#issued.size;
  }

  /** Obligations that must become an event. */
  get eventsOwed(): number {
    let excused = 0;
    for (const id of this.#excused) if (this.#owed.has(id)) excused++;
    return this.#owed.size - excused;
  }

  owedOf(source: string): number {
    return [...this.#owed.values()].filter((one) => one === source).length;
  }

  /** A webhook never sent before. */
  make(source: string, fillerLength = 0, more: Readonly<Record<string, unknown>> = {}): Webhook {
    const id = `${this.seed.toString(36)}-${(this.#count++).toString(36)}`;
    const text = Array.from({ length: 20 }, () => LETTERS[Math.floor(this.chance() * LETTERS.length)]).join('');
    const webhook = { source, id, body: JSON.stringify({ id, text, filler: 'f'.repeat(fillerLength), ...more }) };
    this.#issued.set(id, { print: printOf({ id, text, filler: fillerLength }), source });
    return webhook;
  }

  /** It must be accepted, and must not become an event. */
  excuse(webhook: Webhook): Webhook {
    this.#excused.add(webhook.id);
    return webhook;
  }

  told(webhook: Webhook, answer: Answer): void {
    const status = answer.status === null ? 'broken' : String(answer.status);
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (answer.status !== null) this.timesMs.push(answer.tookMs);
    if (answer.status === 200) {
      this.#owed.set(webhook.id, webhook.source);
      this.#refused.delete(webhook.id);
      return;
    }
    if (answer.status === 429 || answer.text.includes('"code":"full"')) this.#refused.add(webhook.id);
    if (answer.status !== null && this.answers.length < 1_000) this.answers.push(answer);
  }

  /** For a crowd: `{ next, told }` of one source. */
  load(source: string, fillerLength = 0) {
    return {
      next: () => this.make(source, fillerLength),
      told: (webhook: Webhook, answer: Answer) => this.told(webhook, answer),
    };
  }

  p99Ms(): number {
    return percentile(this.timesMs, 0.99);
  }

  /** Obligations that have not arrived yet. */
  missing(sandbox: Pick<Sandbox, 'deduped'>): number {
    const arrived = new Set(sandbox.deduped().map(({ record }) => record.properties.id));
    let missing = 0;
    for (const id of this.#owed.keys()) if (!arrived.has(id) && !this.#excused.has(id)) missing++;
    return missing;
  }

  /** What is wrong, the first ten; an empty list is the pass. */
  differences(sandbox: Pick<Sandbox, 'deduped' | 'state'>): string[] {
    const found: string[] = [];
    const arrived = new Map<string, number>();
    const { dropped } = sandbox.state().events;
    if (dropped > 0) found.push(`the sandbox forgot ${dropped} copies: it is too small for this journey`);
    for (const { record } of sandbox.deduped()) {
      const { id, text, filler } = record.properties as { id: string; text: string; filler: number };
      const issued = this.#issued.get(id);
      if (!issued) found.push(`${id} arrived and was never sent`);
      else if (issued.print !== printOf({ id, text, filler })) found.push(`${id} arrived with another body: ${text}`);
      else if (this.#refused.has(id)) found.push(`${id} arrived, but its sender was told that it was not kept`);
      else if (this.#excused.has(id)) found.push(`${id} arrived and should not have become an event`);
      arrived.set(id, (arrived.get(id) ?? 0) + 1);
    }
    for (const [id, count] of arrived) if (count > 1) found.push(`${id} counts ${count} times after de-duplication`);
    for (const id of this.#owed.keys())
      if (!arrived.has(id) && !this.#excused.has(id)) found.push(`${id} was answered 200 and never arrived`);
    if (found.length === 0) return [];
    const seed = `seed ${this.seed} (RELAY_TEST_SEED repeats it), ${this.owed} obligations, ${arrived.size} arrived`;
    return [seed, `${found.length} differences, the first:`, ...found.slice(0, 10)];
  }
}

function printOf(content: { readonly id: string; readonly text: string; readonly filler: number }): string {
  return digestOf(JSON.stringify([content.id, content.text, content.filler]));
}
