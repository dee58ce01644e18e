/**
 * The log: JSON lines on standard output, one for each thing that happened, readable lines when a person looks.
 * No line holds a body or a secret: fields are flat and plain, names that sound like secrets are masked, known secrets
 * are cut out of every text, long texts are cut short.
 *
 * It never holds up a webhook: lines are written behind our back, and when nobody reads them fast enough (a full pipe)
 * at most 8 MB wait; what comes then is dropped and counted, and the next line that goes through says how many.
 */
import { type DestinationStream, pino } from 'pino';
import type { Clock } from '../clock.ts';
import { clean } from './clean.ts';
import type { LogLine } from './log-lines.ts';
import { prettyLine } from './log-pretty.ts';
import type { Mask } from './mask.ts';

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;
/** A name from the table; others are possible where a room needs one of its own. */
type LineName = LogLine | (string & {});

export type Log = {
  debug(line: LineName, fields?: LogFields): void;
  info(line: LineName, fields?: LogFields): void;
  warn(line: LineName, fields?: LogFields): void;
  error(line: LineName, fields?: LogFields): void;
  /** Lines dropped since the start. */
  dropped(): number;
  /** Waits until everything is written, two seconds at most. */
  close(): Promise<void>;
};

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export type LogOptions = {
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly mask: Mask;
  /** Readable lines instead of JSON. */
  readonly pretty: boolean;
  readonly colours: boolean;
  /** Where lines go; standard output when it is not given. */
  readonly sink?: LogSink;
};

export type LogSink = {
  /** False: the line was dropped. */
  write(line: string): boolean;
  drained(): Promise<void>;
  /** Forget what waits: nobody reads it, and the program has to end. */
  abandon(): void;
};

const CLOSE_WAIT_MS = 2_000;
const LIST_LENGTH_MAX = 50;
/** What is searched for secrets; far more than is shown. */
const SEARCHED_MAX = 4_000;
/** Names of fields whose value is never shown, whoever passes it. */
const SECRET_NAME = /secret|token|authorization|signature|password|cookie|api_?key|^body$|^headers$/i;

export function createLog(options: LogOptions): Log {
  const sink = options.sink ?? standardOutput();
  let dropped = 0;
  let reported = 0;
  const stream: DestinationStream = {
    write(json) {
      const line = options.pretty ? prettyLine(json, options.colours) : json;
      if (!sink.write(line)) dropped++;
    },
  };
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const reportDropped = () => {
    const before = dropped;
    logger.warn({ lines: before - reported }, 'log.dropped');
    // Still no room: say it later, and do not count the saying.
    if (dropped === before) reported = before;
    else dropped = before;
  };
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (line: LineName, fields?: LogFields) => {
    if (!logger.isLevelEnabled(level)) return;
    if (dropped > reported) reportDropped();
    logger[level](plainFields(fields, options.mask), line);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    dropped: () => dropped,
    async close() {
      const enough = new AbortController();
      const late = options.clock.wait(CLOSE_WAIT_MS, enough.signal).then(() => false);
      const written = await Promise.race([sink.drained().then(() => true), late]);
      enough.abort();
      if (!written) sink.abandon();
    },
  };
}

/** Fields that hold words, ids and addresses of our own making: searching them for secrets costs more than the rest. */
const OWN_WORDS = new Set(['source', 'result', 'delivery', 'batch', 'destination', 'outcome', 'address', 'from', 'to']);

/** What may leave of a line's fields. */
export function plainFields(fields: LogFields | undefined, mask: Mask): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const text = (value: string) => clean(mask.apply(value.slice(0, SEARCHED_MAX)));
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    if (SECRET_NAME.test(name)) out[name] = '[masked]';
    else if (typeof value === 'string') out[name] = OWN_WORDS.has(name) ? clean(value) : text(value);
    else if (Array.isArray(value)) out[name] = value.slice(0, LIST_LENGTH_MAX).map((one) => text(String(one)));
    else out[name] = typeof value === 'object' && value !== null ? '[masked]' : value;
  }
  return out;
}

/** What is written without waiting for the end of the turn; the library wants it below its own 16 KiB a write. */
const TOGETHER_BYTES = 8 * 1024;
const WAITING_BYTES_MAX = 8 * 1024 * 1024;

function standardOutput(): LogSink {
  let lost = 0;
  // Written once for each turn of the event loop: a write of its own for every line costs more than making the line.
  const stream = pino.destination({ dest: 1, sync: false, minLength: TOGETHER_BYTES, maxLength: WAITING_BYTES_MAX });
  let flushing = false;
  let queuedBytes = 0;
  const flush = () => {
    flushing = false;
    if (queuedBytes > 0) stream.flush();
  };
  stream.on('write', (bytes: number) => {
    queuedBytes -= bytes;
  });
  // A flush during a write does nothing, and what came meanwhile would wait for the next line, perhaps for hours.
  stream.on('drain', flush);
  stream.on('drop', () => lost++);
  // A reader that went away is no reason to stop relaying webhooks.
  stream.on('error', () => undefined);
  return {
    write(line) {
      const before = lost;
      stream.write(line);
      if (lost === before) queuedBytes += Buffer.byteLength(line);
      if (!flushing) {
        flushing = true;
        setImmediate(flush);
      }
      return lost === before;
    },
    drained: () => new Promise((resolve) => stream.flush(() => resolve())),
    // Otherwise the library writes what waits when the program ends, for as long as that takes.
    abandon: () => stream.destroy(),
  };
}
