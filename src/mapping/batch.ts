/** A batch of jobs as it is sent: a head in JSON, then the bodies as they are. */
import type { BodyForm, Fields } from '../model.ts';
import { frame, frameKind, uint32 } from './frames.ts';
import type { Job } from './program.ts';

export type BatchHead = {
  /** Texts of the revisions that this evaluator does not know yet. */
  readonly programs: Readonly<Record<string, string>>;
  /** True: forget all programs first; they are too many. */
  readonly forget: boolean;
  /** True: send each answer before the next job begins, so that the relay knows which one hangs. */
  readonly careful: boolean;
  /** Of the marks that pseudonyms have until the relay makes them; null: there are none (pseudonym.ts). */
  readonly nonce: string | null;
  readonly jobs: readonly {
    readonly revision: string;
    readonly purpose: 'mapping' | 'id';
    readonly headers: Readonly<Record<string, string>>;
    readonly query: Fields;
    readonly delivery: Readonly<Record<string, string | null>>;
    readonly contentType: string | null;
    readonly bodyForm: BodyForm;
    readonly bodyBytes: number;
  }[];
};

/** What a `compile` frame holds. */
export type CompileAsked = { readonly text: string; readonly pseudonyms: boolean };

/** Characters of mapping text an evaluator keeps compiled: about 40 bytes of heap for each. */
const KNOWN_CHARACTERS_MAX = 512 * 1024;

/** Which programs an evaluator knows; kept by the relay's side, for the evaluator's own cache has to agree with it. */
export class KnownPrograms {
  readonly #revisions = new Set<string>();
  #characters = 0;

  /** The frame for these jobs; from then on their programs are known. */
  encode(jobs: readonly Job[], careful: boolean, nonce: string | null = null): Buffer {
    let texts = this.#unknown(jobs);
    let characters = this.#characters;
    for (const text of texts.values()) characters += text.length;
    const forget = characters > KNOWN_CHARACTERS_MAX && this.#revisions.size > 0;
    if (forget) {
      this.#revisions.clear();
      texts = this.#unknown(jobs);
      characters = 0;
      for (const text of texts.values()) characters += text.length;
    }
    this.#characters = characters;
    for (const revision of texts.keys()) this.#revisions.add(revision);
    const head: BatchHead = {
      programs: Object.fromEntries(texts),
      forget,
      careful,
      nonce,
      jobs: jobs.map(({ program, purpose, headers, query, delivery, contentType, bodyForm, body }) => ({
        revision: program.revision,
        purpose,
        headers,
        query,
        delivery,
        contentType,
        bodyForm,
        bodyBytes: body.length,
      })),
    };
    const headBytes = Buffer.from(JSON.stringify(head));
    return frame(frameKind.map, uint32(headBytes.length), headBytes, ...jobs.map(({ body }) => body));
  }

  #unknown(jobs: readonly Job[]): Map<string, string> {
    const texts = new Map<string, string>();
    for (const { program } of jobs) {
      if (!this.#revisions.has(program.revision)) texts.set(program.revision, program.text);
    }
    return texts;
  }
}
