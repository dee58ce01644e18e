/**
 * A listening HTTP server with every bound set: slow, endless and too many requests end here.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RefusalCode, refusals } from '../errors.ts';
import { problemText } from './answers.ts';

/** How long a request may take to arrive, and how often that is looked at. */
export type Patience = { readonly headersMs: number; readonly requestMs: number; readonly checkMs: number };

/** Contract §4: 10 s for the headers, 15 s for the whole request. Node's own check every 30 s would make that a lie. */
const PATIENCE: Patience = { headersMs: 10_000, requestMs: 15_000, checkMs: 1_000 };
/** Longer than the 60 s of nginx and the usual load balancers, or they meet a closing socket. */
const KEEP_ALIVE_MS = 65_000;
const CONNECTIONS_MAX = 4_000;
const HEADERS_MAX = 100;
const HEADER_BYTES_MAX = 16_384;

export type Listening = AsyncDisposable & {
  readonly host: string;
  readonly port: number;
  /** Takes no new connections, lets running requests finish for so long, then ends what is left. */
  close(graceMs: number): Promise<void>;
};

/** Resolves when it listens; rejects with the system's error (address in use, no permission). */
export async function listen(
  app: RequestListener,
  at: { host: string; port: number },
  patience: Patience = PATIENCE,
): Promise<Listening> {
  const server = createServer(
    {
      connectionsCheckingInterval: patience.checkMs,
      headersTimeout: patience.headersMs,
      requestTimeout: patience.requestMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      insecureHTTPParser: false,
    },
    app,
  );
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', onClientError);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const close = (graceMs: number) => closeServer(server, graceMs);
  return { host: at.host, port, close, [Symbol.asyncDispose]: () => close(0) };
}

/** A request that Node's parser or its timers gave up: answered as a problem where the socket still takes it. */
function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const answered = (socket as Duplex & { _httpMessage?: { headersSent?: boolean } })._httpMessage?.headersSent;
  if (error.code === 'ECONNRESET' || !socket.writable || answered) {
    socket.destroy();
    return;
  }
  const code: RefusalCode = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'timeout' : 'malformed';
  const body = problemText(code);
  const { status, title } = refusals[code];
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
