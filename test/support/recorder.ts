/** A server that writes down each request, inflated, and answers as told. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export type Seen = { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string };
export type Recorder = AsyncDisposable & { readonly url: string; readonly seen: readonly Seen[] };

export async function record(answer: () => { readonly status: number; readonly body: string }): Promise<Recorder> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
    seen.push({ url: request.url ?? '', headers: request.headers, body });
    const { status, body: said } = answer();
    response.writeHead(status).end(said);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
