/**
 * Secrets that arrive in a handshake, and the sources armed to take one (promise 9); in shard 0, so that one script decides who is first.
 *
 *   (no field) ──arm──▶ armed until a time ──learn──▶ has a secret ──forget──▶ (no field)
 *
 * What changes nothing writes nothing: a stranger who keeps offering secrets must not cost an fsync each.
 */
import { type Clock, newId } from '../../clock.ts';
import { type LearnedSecret, learnedSecretLengthMax, learnedSourcesMax } from '../contract.ts';
import { rowsOf } from './reading-pages.ts';
import { script } from './script.ts';
import type { Shard } from './shard.ts';

const armScript = script('arm', []);
const learnScript = script('learn', []);
const forgetScript = script('forget', [], { allowOom: true });
const secretsScript = script('secrets', [], { allowOom: true });

export class Secrets {
  readonly #shard: Shard;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(shard: Shard, clock: Pick<Clock, 'now'>) {
    this.#shard = shard;
    this.#clock = clock;
  }

  async arm(source: string, until: number): Promise<'armed' | 'has_secret'> {
    const args = [source, ...[until, this.#clock.now(), learnedSourcesMax].map((number) => String(Math.trunc(number)))];
    const [answer] = await this.#shard.call(armScript, args);
    if (answer === 'too_many')
      throw new Error(`at most ${learnedSourcesMax} sources can be armed or have a learned secret`);
    return answer as 'armed' | 'has_secret';
  }

  async learn(source: string, secret: string, now: number): Promise<'learned' | 'not_armed' | 'has_secret'> {
    if (secret === '' || secret.length > learnedSecretLengthMax)
      throw new RangeError(`a learned secret has 1 to ${learnedSecretLengthMax} characters`);
    const args = [source, String(Math.trunc(now)), newId('ask', now), secret];
    // Asked again when the answer was lost: the one that was first hears that it was. While Redis is away nothing can be lost, and
    // a stranger is not kept waiting.
    const { work } = this.#shard;
    const [answer] = await (work.up ? this.#shard.insist(learnScript, args) : this.#shard.call(learnScript, args));
    return answer as 'learned' | 'not_armed' | 'has_secret';
  }

  async learned(): Promise<ReadonlyMap<string, LearnedSecret>> {
    const learned = new Map<string, LearnedSecret>();
    for (const [source, kept] of await this.#all()) {
      const [, at, secret] = /^secret (\d+) \S+ (.*)$/s.exec(kept) ?? [];
      if (secret !== undefined) learned.set(source, { secret, learnedAt: Number(at) });
    }
    return learned;
  }

  async armed(now: number): Promise<ReadonlyMap<string, number>> {
    const armed = new Map<string, number>();
    for (const [source, kept] of await this.#all()) {
      const until = Number(/^armed (\d+)$/.exec(kept)?.[1] ?? '0');
      if (now < until) armed.set(source, until);
    }
    return armed;
  }

  async forget(source: string): Promise<boolean> {
    const [had] = await this.#shard.call(forgetScript, [source]);
    return had === 1;
  }

  /** A relay that starts asks this first: one whose Redis goes away just then waits for it, as it does while it runs. */
  async #all(): Promise<readonly [string, string][]> {
    const [flat] = await this.#shard.insist(secretsScript, []);
    return rowsOf(flat, 2).map(([source, kept]) => [String(source), String(kept)]);
  }
}
