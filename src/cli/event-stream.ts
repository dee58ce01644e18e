/** Server-sent events of the private listener, message by message; over when the relay ends them, or the signal does. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { UsageError } from '../errors.ts';
import { wordsOf } from './api.ts';
import { refuseWithoutToken, tokenHeader, urlFor } from './private-listener.ts';

export type StreamQuestion = {
  readonly url: string | undefined;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onMessage: (kind: string, data: string) => void;
  readonly onOpen: () => void;
};

/** A line of the feed has a kilobyte or two. */
const MESSAGE_CHARACTERS_MAX = 1024 * 1024;
const REFUSAL_CHARACTERS_MAX = 64 * 1024;
/** The relay says every 15 s that it is still there. */
const SILENCE_MS = 45_000;

/** Resolves when it was open and is over. Rejects when it never opened (exit code 3), or was refused. */
export async function followEvents(question: StreamQuestion): Promise<void> {
  const url = urlFor(question.url, question.path);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const headers = { ...tokenHeader(), accept: 'text/event-stream' };
  let opened = false;
  try {
    await new Promise<void>((resolve, reject) => {
      const { signal } = question;
      const outgoing = request(url, { headers, signal, agent: false, timeout: SILENCE_MS }, (incoming) => {
        const status = incoming.statusCode ?? 0;
        if (status !== 200) return refusalOf(incoming, status).then(reject, reject);
        opened = true;
        question.onOpen();
        const messages = new Messages(question.onMessage);
        const decoder = new StringDecoder('utf8');
        incoming.on('data', (chunk: Buffer) => {
          if (!messages.add(decoder.write(chunk))) outgoing.destroy(new Error('a message has no end'));
        });
        incoming.on('error', reject);
        incoming.on('end', resolve);
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('nothing came for 45 s')));
      outgoing.on('error', reject);
      outgoing.end();
    });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (opened || question.signal.aborted) return;
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ECONNREFUSED' ? 'nothing listens there (start it with `trackrelay serve`)' : message;
    throw new UsageError([`cannot reach the relay at ${url.origin}: ${why}`], 3);
  }
}

async function refusalOf(incoming: AsyncIterable<Buffer>, status: number): Promise<UsageError> {
  let text = '';
  for await (const chunk of incoming) {
    text += chunk.toString('utf8');
    if (text.length > REFUSAL_CHARACTERS_MAX) break;
  }
  try {
    refuseWithoutToken({ status });
    return new UsageError([wordsOf(JSON.parse(text), status)], 1);
  } catch (error) {
    return error instanceof UsageError ? error : new UsageError([`the relay answered ${status}`], 1);
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the relay speaks it. */
class Messages {
  readonly #take: (kind: string, data: string) => void;
  #rest = '';

  constructor(take: (kind: string, data: string) => void) {
    this.#take = take;
  }

  add(text: string): boolean {
    const pieces = (this.#rest + text).split('\n\n');
    this.#rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      const lines = piece.split('\n');
      const of = (field: string) =>
        lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
      const data = of('data');
      if (data.length > 0) this.#take(of('event')[0] ?? 'message', data.join('\n'));
    }
    return this.#rest.length <= MESSAGE_CHARACTERS_MAX;
  }
}
