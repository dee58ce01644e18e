/** In a relay's place behind a load balancer: notes what it hears, byte by byte, and does what the test wants. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Heard = {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
};
export type RelayDouble = AsyncDisposable & {
  readonly port: number;
  /** Requests that were there to their end. */
  readonly heard: readonly Heard[];
  /** Targets of all requests that were begun. */
  readonly seen: readonly string[];
};
/** What it does once the whole request is there. */
export type Deed = (response: ServerResponse, request: Heard) => void;

export const accepts: Deed = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"accepted"}');
};
export const refuses503: Deed = (response) => {
  response.writeHead(503, { 'retry-after': '7', 'content-type': 'application/problem+json' }).end('{"code":"full"}');
};
/** The relay is killed before it answers. */
export const breaksOff: Deed = (response) => void response.socket?.destroy();
/** Stopped by SIGSTOP: connections are taken, and nothing comes. */
export const saysNothing: Deed = () => undefined;

export async function relayDouble(deed: Deed): Promise<RelayDouble> {
  const heard: Heard[] = [];
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: target = '', headers } = request;
      const one = { method, target, headers, body: Buffer.concat(chunks) };
      // Whether nginx itself is there is asked by this path.
      if (target === '/livez') return void response.end('ok\n');
      heard.push(one);
      deed(response, one);
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { port: (server.address() as AddressInfo).port, heard, seen, [Symbol.asyncDispose]: close };
}
