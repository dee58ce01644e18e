/** What every scenario is given, and what it gives back. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { benchPath, benchSecret } from './bench-source.ts';
import type { Figure } from './figures.ts';
import type { LoadResult } from './load.ts';
import type { Programs } from './programs.ts';

export type Burst = {
  readonly port: number;
  readonly seconds: number;
  readonly rate?: number;
  readonly connections?: number;
};

/** Many senders at once, as in a burst: with a few, closed-loop clients would measure how long one fsync takes. */
const CONNECTIONS = 256;

export class Bench {
  readonly programs: Programs;
  readonly quick: boolean;
  readonly mappings: string;
  /** One line of progress. */
  readonly say: (text: string) => void;
  /** Answers other than 200, by status; `broken` for connections that ended in the middle. */
  readonly wrongAnswers: Record<string, number> = {};
  requests = 0;
  readonly #folder: string;
  #folders = 0;

  constructor(options: Pick<Bench, 'programs' | 'quick' | 'mappings' | 'say'> & { readonly folder: string }) {
    this.programs = options.programs;
    this.quick = options.quick;
    this.mappings = options.mappings;
    this.say = options.say;
    this.#folder = options.folder;
  }

  /** A new folder on the disk that is measured. */
  folder(): string {
    const path = join(this.#folder, String(this.#folders++));
    mkdirSync(path);
    return path;
  }

  /** Signed webhooks from a load generator in its own process; what was not 200 is remembered. */
  async burst({ port, seconds, rate, connections = CONNECTIONS }: Burst): Promise<LoadResult> {
    const plan = { port, seconds, connections, path: benchPath, secret: benchSecret };
    const result = await this.programs.load(rate === undefined ? plan : { ...plan, rate });
    this.requests += result.sent;
    for (const [status, count] of Object.entries(result.statuses)) if (status !== '200') this.#wrong(status, count);
    if (result.broken > 0) this.#wrong('broken', result.broken);
    return result;
  }

  #wrong(what: string, count: number): void {
    this.wrongAnswers[what] = (this.wrongAnswers[what] ?? 0) + count;
  }
}

export type Scenario = {
  readonly name: string;
  readonly about: string;
  readonly run: (bench: Bench) => Promise<readonly Figure[]>;
};
