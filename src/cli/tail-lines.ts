/**
 * The feed in compact lines: one for each request (what came of it when that is known soon), one for each batch, one for
 * each turn of the relay's state.
 */
import { clean } from '../observe/clean.ts';
import type { Output } from './output.ts';

export type FeedLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly time?: string };

/** A webhook is mapped within a few milliseconds; one that has to wait is told without. */
export const TOGETHER_MS = 1_500;
const WAITING_MAX = 2_000;
const SOURCE_WIDTH = 10;

type Waiting = { readonly line: FeedLine; readonly since: number };

export class TailLines {
  readonly #output: Output;
  /** Accepted, and not mapped yet: oldest first. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** What is to be printed now. */
  take(line: FeedLine, now: number): string[] {
    const id = String(line.delivery ?? '');
    switch (line.msg) {
      case 'delivery.accepted': {
        this.#waiting.set(id, { line, since: now });
        return this.#waiting.size > WAITING_MAX ? this.overdue(Number.POSITIVE_INFINITY) : [];
      }
      case 'delivery.mapped':
      case 'delivery.skipped':
      case 'delivery.failed': {
        const accepted = this.#waiting.get(id)?.line;
        this.#waiting.delete(id);
        return [accepted ? this.#request(accepted, this.#became(line)) : this.#later(line)];
      }
      case 'delivery.duplicate':
        return [this.#request(line, this.#dim('seen before'))];
      case 'delivery.handshake':
        return [this.#request(line, this.#dim('handshake answered'))];
      case 'delivery.refused':
        return [this.#request(line, this.#output.style('red', clean(String(line.reason ?? line.result ?? 'refused'))))];
      case 'event.delivered':
        return [];
      default:
        return [line.msg?.startsWith('batch.') ? this.#batch(line) : this.#other(line)];
    }
  }

  /** Those that wait for their mapping for too long. */
  overdue(now: number): string[] {
    const late: string[] = [];
    for (const [id, { line, since }] of this.#waiting) {
      if (now - since < TOGETHER_MS) break;
      this.#waiting.delete(id);
      late.push(this.#request(line, this.#dim('waits to be mapped')));
    }
    return late;
  }

  #request(line: FeedLine, became: string): string {
    const status = Number(line.status);
    const style = status < 300 ? 'green' : 'red';
    const what = line.type === null || line.type === undefined ? '' : clean(String(line.type));
    const source = clean(String(line.source ?? '-')).padEnd(SOURCE_WIDTH);
    // Of what was refused: the id that `explain` takes.
    const id = clean(String(line.delivery ?? line.refused ?? ''));
    const words = [id, what, became, took(line)].filter((word) => word !== '');
    return `${this.#time(line)} ${this.#output.style(style, String(line.status ?? '   '))} ${source} ${words.join('  ')}`;
  }

  #became(line: FeedLine): string {
    if (line.msg === 'delivery.skipped') return this.#dim('→ skipped');
    if (line.msg === 'delivery.failed')
      return this.#output.style('red', `→ ${line.reason}: ${clean(String(line.message ?? ''))}`);
    const events = Number(line.events);
    const dead = Number(line.dead ?? 0);
    const refused = dead > 0 ? `, ${this.#output.style('red', `${dead} refused: ${clean(String(line.reason))}`)}` : '';
    return `→ ${events === 1 ? '1 event' : `${events} events`}${refused}`;
  }

  #later(line: FeedLine): string {
    const source = clean(String(line.source ?? '-')).padEnd(SOURCE_WIDTH);
    return `${this.#time(line)}     ${source} ${clean(String(line.delivery))}  ${this.#became(line)}`;
  }

  #batch(line: FeedLine): string {
    const good = line.msg === 'batch.sent';
    const words = [
      clean(String(line.destination)),
      clean(String(line.batch)),
      `${line.events} events`,
      this.#output.style(good ? 'green' : 'red', String(line.status ?? 'no answer')),
      good ? '' : clean(`${line.msg?.slice('batch.'.length)}: ${line.message ?? line.reason}`),
      took(line),
    ];
    return `${this.#time(line)}  ${this.#output.style('cyan', '⇡')}  ${words.filter((word) => word !== '').join('  ')}`;
  }

  #other(line: FeedLine): string {
    const { msg, time: _, level, ...fields } = line;
    const words = Object.entries(fields)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => `${name} ${clean(String(value))}`);
    const style = level === 'error' ? 'red' : level === 'warn' ? 'yellow' : 'dim';
    return `${this.#time(line)}  ${this.#output.style(style, '·')}  ${msg}  ${words.join('  ')}`.trimEnd();
  }

  #time({ time }: FeedLine): string {
    return this.#dim(String(time ?? '').slice(11, 19));
  }

  #dim(text: string): string {
    return this.#output.style('dim', text);
  }
}

function took({ ms }: FeedLine): string {
  return typeof ms === 'number' ? `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms` : '';
}
