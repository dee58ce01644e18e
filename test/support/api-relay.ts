/** A private listener that answers what a test says, and remembers what it was asked. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ApiAsked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly json: unknown;
};
export type ApiAnswers = (asked: ApiAsked, response: ServerResponse) => unknown;

/** `answer` gives JSON, `undefined` for 404, a number for that status, or writes itself and gives `null`. */
export async function apiRelay(answer: ApiAnswers) {
  const asked: ApiAsked[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://relay');
    const one = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      json: text === '' ? null : JSON.parse(text),
    };
    asked.push(one);
    const json = answer(one, response);
    if (json === null) return;
    if (json === undefined) response.writeHead(404).end('{"title":"Nothing is here"}');
    else if (typeof json === 'number') response.writeHead(json).end(`{"title":"refused ${json}"}`);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, [Symbol.asyncDispose]: close };
}

export const received = '2026-11-21T10:04:10.000Z';

/** A delivery as the API shows it. */
export function apiDelivery(id: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    ...{
      id,
      source: 'shop',
      provider: 'stripe',
      type: 'paid',
      key: `evt_${id}`,
      state: 'mapped',
      received_at: received,
    },
    ...{ bytes: 79, method: 'POST', query: {}, body_encoding: 'text', body_cut: false },
    headers: { 'content-type': 'application/json', 'stripe-signature': '•••', 'x-trace': 'not read' },
    body: '{"id":"evt_12345678","type":"paid","amount":42,"who":"u1","note":"a secret note","created":1700000000}',
    ...{ events: [] as unknown[], events_left_out: 0, attempts: [] as unknown[], dead_letters: [] as unknown[] },
    ...more,
  };
}

export function apiEvent(event: unknown, id = 'evt_1-0', more: Readonly<Record<string, unknown>> = {}) {
  return {
    id,
    destination: 'mixpanel',
    state: 'delivered',
    event,
    attempts: 0,
    settled_at: null,
    last_words: null,
    ...more,
  };
}
