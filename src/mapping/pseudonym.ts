/**
 * Pseudonyms: what `$pseudonym(value)` becomes, without the key ever being where mappings run.
 *
 *   in the evaluator   the function gives a *mark*: 64 hex digits like the pseudonym itself, a nonce (56) and the place of the value
 *                      in a list (8). Equal values have equal marks. The list goes to the relay beside the outputs.
 *   in the relay       each mark in the JSON of an answer is overwritten by the HMAC-SHA256 of its value: as long as the mark, and
 *                      nothing but hex digits, so that the text around it stays what it was.
 *
 * The nonce is drawn for each batch of jobs, when their webhooks were long accepted: no payload can hold a mark of it, and
 * what only looks like one stays the text it is.
 */
import { createHmac, randomBytes } from 'node:crypto';

const NONCE_DIGITS = 56;
const PLACE_DIGITS = 8;
/** What is left of a mark that was cut is known by so many digits of its beginning. */
const HEAD_DIGITS = 16;
/** Different values in one delivery: as many as it may give outputs. The relay hashes each, 2 µs. */
export const PSEUDONYMS_MAX = 10_000;
/** A longer text is no name of anybody. */
export const PSEUDONYM_CHARACTERS_MAX = 1_024;
/** All of a delivery's values together: what the relay has to hold. */
export const PSEUDONYMS_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Cases give the same pseudonyms on every machine, whatever its key is; there is nothing to keep secret in a case. */
export const KEY_OF_CASES = 'case';

/** Whoever has the key can do the same elsewhere: `printf %s "$id" | openssl dgst -sha256 -hmac "$key"`. */
export function pseudonymOf(key: string, value: string): string {
  return createHmac('sha256', key).update(value).digest('hex');
}

/** A name can be written in one way only, and a text that becomes a program is refused: who does not name it cannot call it. */
export function mayAskForPseudonyms(text: string): boolean {
  return text.includes('$pseudonym');
}

/** The evaluator's side: the values of the job at work, and their marks. */
export class PseudonymMarks {
  readonly #marks = new Map<string, string>();
  #nonce: string | null = null;
  #characters = 0;

  /** Null: the relay has no key, or nothing in this batch asks for pseudonyms. */
  beginBatch(nonce: string | null): void {
    this.#nonce = nonce;
    this.beginJob();
  }

  beginJob(): void {
    this.#marks.clear();
    this.#characters = 0;
  }

  get available(): boolean {
    return this.#nonce !== null;
  }

  /** Null: these would be too many. */
  markOf(value: string): string | null {
    const known = this.#marks.get(value);
    if (known !== undefined) return known;
    this.#characters += value.length;
    if (this.#marks.size >= PSEUDONYMS_MAX || this.#characters > PSEUDONYMS_CHARACTERS_MAX) return null;
    const mark = `${this.#nonce}${this.#marks.size.toString(16).padStart(PLACE_DIGITS, '0')}`;
    this.#marks.set(value, mark);
    return mark;
  }

  isIn(value: unknown): boolean {
    return this.#nonce !== null && typeof value === 'string' && value.includes(this.#nonce);
  }

  /** Something that has been cut would be no pseudonym, but another text in every batch. */
  isCutIn(text: string): boolean {
    if (this.#nonce === null) return false;
    const begun = text.split(this.#nonce.slice(0, HEAD_DIGITS)).length - 1;
    const whole = text.split(this.#nonce).filter((rest, index) => index > 0 && this.#placeIn(rest) !== null).length;
    return begun !== whole;
  }

  #placeIn(rest: string): number | null {
    const place = placeOf(rest);
    return place !== null && place < this.#marks.size ? place : null;
  }

  /** The list, in parts of so many characters. */
  *valuesInParts(characters: number): Generator<readonly string[]> {
    let part: string[] = [];
    let room = characters;
    for (const value of this.#marks.keys()) {
      part.push(value);
      room -= value.length;
      if (room > 0) continue;
      yield part;
      part = [];
      room = characters;
    }
    if (part.length > 0) yield part;
  }
}

/** The relay's side of one batch: the values that came for the job being answered. */
export class MarkedValues {
  readonly nonce = randomBytes(NONCE_DIGITS / 2).toString('hex');
  #values: string[] = [];
  readonly #made = new Map<number, string>();
  #characters = 0;

  /** Throws for what no evaluator of ours would send. */
  take(values: readonly unknown[]): void {
    for (const value of values) {
      if (typeof value !== 'string') throw new Error('a value for a pseudonym that is no text');
      this.#characters += value.length;
      this.#values.push(value);
    }
    if (this.#values.length > PSEUDONYMS_MAX || this.#characters > PSEUDONYMS_CHARACTERS_MAX) {
      throw new Error('more values for pseudonyms than there may be');
    }
  }

  /** The job is answered; the next one has values of its own. */
  forget(): void {
    this.#values = [];
    this.#made.clear();
    this.#characters = 0;
  }

  /** JSON text in, JSON text out. */
  reveal(json: string, key: string): string {
    if (!json.includes(this.nonce)) return json;
    const [before = '', ...parts] = json.split(this.nonce);
    return before + parts.map((part) => this.#revealed(part, key)).join('');
  }

  #revealed(part: string, key: string): string {
    const place = placeOf(part);
    const value = place === null ? undefined : this.#values[place];
    // Only in a message that was cut: it stays as it is, and says nothing of anybody.
    if (place === null || value === undefined) return this.nonce + part;
    let pseudonym = this.#made.get(place);
    if (pseudonym === undefined) {
      pseudonym = pseudonymOf(key, value);
      this.#made.set(place, pseudonym);
    }
    return pseudonym + part.slice(PLACE_DIGITS);
  }
}

function placeOf(rest: string): number | null {
  const digits = rest.slice(0, PLACE_DIGITS);
  return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : null;
}
