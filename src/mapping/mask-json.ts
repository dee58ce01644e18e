/** JSON in which texts are replaced, token by token: what is not replaced stays byte for byte as it came. */
import { type Branch, isKept, under } from './mask-paths.ts';

/** Stands where a text stood; what a mapping gives of it is no event of a webhook. */
export const maskedText = '[masked]';
/** Bodies are 64 deep at most when they come in. */
const DEPTH_MAX = 100;
const LITERAL = /(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

class NoJson extends Error {}

export class JsonMasker {
  readonly #text: string;
  readonly #instead: string;
  readonly #parts: string[] = [];
  #copied = 0;
  #at: number;

  constructor(text: string, instead = maskedText) {
    this.#text = text;
    this.#instead = JSON.stringify(instead);
    this.#at = text.startsWith('\uFEFF') ? 1 : 0;
  }

  /** `lines`: there may be several, one after another, which are read as a list. Null: it is no JSON. */
  masked(root: readonly Branch[], lines = false): string | null {
    try {
      do {
        this.#value(root, false, 0);
        this.#blanks();
      } while (lines && this.#at < this.#text.length);
    } catch {
      return null;
    }
    if (this.#at < this.#text.length) return null;
    return this.#parts.join('') + this.#text.slice(this.#copied);
  }

  /** `all`: it is read with everything in it. */
  #value(branches: readonly Branch[], all: boolean, depth: number): void {
    if (depth > DEPTH_MAX) throw new NoJson();
    this.#blanks();
    const whole = all || branches.some(({ below }) => below);
    const first = this.#text[this.#at];
    if (first === '{') {
      this.#list('}', () => {
        const name = this.#name();
        this.#value(whole ? branches : under(branches, name), whole, depth + 1);
      });
    } else if (first === '[') {
      // An item of a list stands where the list stands.
      this.#list(']', () => this.#value(branches, whole, depth + 1));
    } else if (first === '"') {
      const from = this.#skipText();
      // An empty text stays: whether something is there is no secret, and mappings ask it.
      if (whole || isKept(branches) || this.#at - from === 2) return;
      this.#parts.push(this.#text.slice(this.#copied, from), this.#instead);
      this.#copied = this.#at;
    } else {
      LITERAL.lastIndex = this.#at;
      if (!LITERAL.test(this.#text)) throw new NoJson();
      this.#at = LITERAL.lastIndex;
    }
  }

  #list(close: '}' | ']', item: () => void): void {
    this.#at++;
    this.#blanks();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      this.#blanks();
      const next = this.#text[this.#at++];
      if (next === close) return;
      if (next !== ',') throw new NoJson();
      this.#blanks();
    }
  }

  #name(): string {
    const from = this.#skipText();
    const token = this.#text.slice(from, this.#at);
    this.#blanks();
    if (this.#text[this.#at++] !== ':') throw new NoJson();
    return token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
  }

  /** Gives where it begins. */
  #skipText(): number {
    const from = this.#at;
    if (this.#text[this.#at++] !== '"') throw new NoJson();
    for (;;) {
      const end = this.#text.indexOf('"', this.#at);
      if (end === -1) throw new NoJson();
      let slashes = 0;
      while (this.#text[end - 1 - slashes] === '\\') slashes++;
      this.#at = end + 1;
      if (slashes % 2 === 0) return from;
    }
  }

  #blanks(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }
}
