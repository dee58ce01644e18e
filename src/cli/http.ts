/**
 * One request to a relay, bounded in time and size. Node's own client: the target stays exactly as it was signed, and
 * `trackrelay health` starts fast.
 */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { UsageError } from '../errors.ts';

export type Question = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs: number;
};

export type Reply = { readonly status: number; readonly body: string };

/** The health of a thousand sources takes 300 KB. */
const REPLY_BYTES_MAX = 16 * 1024 * 1024;

/** Exit code of every command that did not reach the relay. */
const NOT_REACHED = 3;

export async function ask(question: Question): Promise<Reply> {
  const { url, timeoutMs } = question;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await exchange(question, signal);
  } catch (error) {
    const why = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : whyOf(error);
    throw new UsageError([`cannot reach the relay at ${url.origin}: ${why}`], NOT_REACHED);
  }
}

function exchange({ method, url, headers, body }: Question, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const length = body === undefined ? {} : { 'content-length': String(body.byteLength) };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, signal, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > REPLY_BYTES_MAX) outgoing.destroy(new Error('the answer is larger than 16 MiB'));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function whyOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there (start it with `trackrelay serve`)',
    ECONNRESET: 'the connection broke',
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'the name service does not answer',
  };
  return words[code ?? ''] ?? message;
}

/** Where a listener can be asked from this machine: one that listens everywhere is asked on loopback. */
export function addressOf(listener: { readonly host: string; readonly port: number }): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[listener.host] ?? listener.host;
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${listener.port}`;
}

export function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(text)) {
    throw new UsageError(['--url must be an http:// or https:// address']);
  }
  return url;
}
