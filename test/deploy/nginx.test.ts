/** deploy/nginx/nginx.conf in the real nginx, before doubles of relays that refuse, break off or say nothing. */
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { problemText } from '../../src/intake/answers.ts';
import { composeFile } from '../support/deploy-files.ts';
import { freePort, nginxConfig, startNginx } from '../support/nginx.ts';
import { accepts, breaksOff, type Deed, refuses503, relayDouble, saysNothing } from '../support/relay-double.ts';

const WEBHOOKS = 12;

type Sent = { readonly status: number; readonly headers: Record<string, unknown>; readonly text: string };

/** Not fetch: it would tidy up the path and refuse some headers. */
function send(port: number, target: string, body: Buffer | string = '{}', headers: Record<string, string> = {}) {
  return new Promise<Sent>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path: target, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    asked.on('error', reject).end(body);
  });
}

async function two(first: Deed, second: Deed, changes: readonly (readonly [string, string])[] = []) {
  const stack = new AsyncDisposableStack();
  const one = stack.use(await relayDouble(first));
  const other = stack.use(await relayDouble(second));
  const front = stack.use(await startNginx({ relays: [one.port, other.port], changes }));
  return { one, other, front, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const statuses = (answers: readonly Sent[]) => [...new Set(answers.map(({ status }) => status))];

describe('two relays behind nginx, one of which', () => {
  const cases = { 'breaks off before it answers': breaksOff, 'answers 503': refuses503 };
  it.each(Object.entries(cases))(
    '%s: every sender is told 200, and the other relay has every webhook',
    async (_, bad) => {
      await using set = await two(bad, accepts);
      const bodies = Array.from({ length: WEBHOOKS }, (_none, n) => `{"n":${n}}`);
      const answers = [];
      for (const body of bodies) answers.push(await send(set.front.port, '/hooks/github', body));
      expect(statuses(answers)).toEqual([200]);
      expect(set.one.heard.length).toBeGreaterThan(0);
      expect(set.other.heard.map(({ body }) => body.toString()).sort()).toEqual(bodies.sort());
    },
  );

  it('is not there: every sender is told 200', async () => {
    await using other = await relayDouble(accepts);
    await using front = await startNginx({ relays: [await freePort(), other.port] });
    const answers = [];
    for (let n = 0; n < WEBHOOKS; n++) answers.push(await send(front.port, '/hooks/github'));
    expect(statuses(answers)).toEqual([200]);
    expect(other.heard).toHaveLength(WEBHOOKS);
  });

  it('says nothing: its webhook is not sent again, its sender is told to come again', async () => {
    const shorter = [
      ['proxy_read_timeout 10s', 'proxy_read_timeout 1s'],
      ['proxy_next_upstream_timeout 5s', 'proxy_next_upstream_timeout 500ms'],
    ] as const;
    await using set = await two(saysNothing, accepts, shorter);
    const answers = await Promise.all([1, 2].map((n) => send(set.front.port, '/hooks/github', `{"n":${n}}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 503]);
    expect([set.one.heard.length, set.other.heard.length]).toEqual([1, 1]);
  });
});

describe('a 503', () => {
  it("is the relay's own when both relays say it", async () => {
    await using set = await two(refuses503, refuses503);
    const { status, headers, text } = await send(set.front.port, '/hooks/github');
    expect({ status, text, retryAfter: headers['retry-after'] }).toEqual({
      status: 503,
      text: '{"code":"full"}',
      retryAfter: '7',
    });
  });

  it.each([
    ['no relay is there', undefined],
    ['both break off', breaksOff],
  ])("says when to come again, in the relay's words, when %s", async (_, deed) => {
    await using stack = new AsyncDisposableStack();
    const ports = [];
    for (let n = 0; n < 2; n++) ports.push(deed ? stack.use(await relayDouble(deed)).port : await freePort());
    const front = stack.use(await startNginx({ relays: ports }));
    const { status, headers, text } = await send(front.port, '/hooks/github');
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '5', 'content-type': 'application/problem+json' });
    expect(JSON.parse(text)).toEqual(JSON.parse(problemText('unavailable')));
  });

  it('of one source takes no relay away from the others', async () => {
    const closed: Deed = (response, heard) =>
      heard.target === '/hooks/closed' ? refuses503(response, heard) : accepts(response, heard);
    await using set = await two(closed, closed);
    const storm = await Promise.all(Array.from({ length: 40 }, () => send(set.front.port, '/hooks/closed')));
    expect(statuses(storm)).toEqual([503]);
    const others = await Promise.all(Array.from({ length: WEBHOOKS }, () => send(set.front.port, '/hooks/open')));
    expect(statuses(others)).toEqual([200]);
  });

  it('after one relay broke off and the other refused is still told with when to come again', async () => {
    await using set = await two(breaksOff, refuses503);
    const answers = [];
    for (let n = 0; n < 4; n++) answers.push(await send(set.front.port, '/hooks/github'));
    expect(statuses(answers)).toEqual([503]);
    for (const { headers } of answers) expect(headers['retry-after']).toMatch(/^\d+$/);
  });
});

describe("other answers of a relay's own", () => {
  it('pass with their headers', async () => {
    const limited: Deed = (response) => {
      response.writeHead(429, { 'retry-after': '13', ratelimit: '"github"; r=0; t=13' }).end('{"code":"limited"}');
    };
    await using set = await two(limited, limited);
    const { status, headers, text } = await send(set.front.port, '/hooks/github');
    expect({ status, text }).toEqual({ status: 429, text: '{"code":"limited"}' });
    expect(headers).toMatchObject({ 'retry-after': '13', ratelimit: '"github"; r=0; t=13' });
    expect(set.one.heard.length + set.other.heard.length).toBe(1);
  });
});

describe('what is passed on', () => {
  it('is the path, the query and the bytes as they came', async () => {
    await using set = await two(accepts, accepts);
    const target = '/hooks/acme//a%2Fb/../c%20d/?q=%C3%A4&e&e=1+2';
    const body = Buffer.from([0, 255, 13, 10, 0x7b, 0xc3, 0x28]);
    await send(set.front.port, target, body, { 'content-type': 'application/json', 'X-Acme-Signature': 'a,b' });
    const [heard] = [...set.one.heard, ...set.other.heard];
    expect({ method: heard?.method, target: heard?.target, body: heard?.body }).toEqual({
      method: 'POST',
      target,
      body,
    });
    expect(heard?.headers['x-acme-signature']).toBe('a,b');
  });

  it('is whole for the second relay, too, when it was too large for memory', async () => {
    await using set = await two(refuses503, accepts);
    const body = Buffer.alloc(1_000_000, 'webhook ');
    const answers = [];
    for (let n = 0; n < 2; n++) answers.push(await send(set.front.port, '/hooks/acme', body));
    expect(statuses(answers)).toEqual([200]);
    expect(set.one.heard.length).toBeGreaterThan(0);
    expect(set.other.heard.map((heard) => heard.body.equals(body))).toEqual([true, true]);
  });

  it('keeps a header whose name has an underscore', async () => {
    await using set = await two(accepts, accepts);
    await send(set.front.port, '/hooks/acme', '{}', { acme_signature: 'abc' });
    expect([...set.one.heard, ...set.other.heard][0]?.headers.acme_signature).toBe('abc');
  });

  it('holds nothing of what a sender claims about addresses', async () => {
    await using set = await two(accepts, accepts);
    const forged = { 'x-forwarded-for': '203.0.113.9, 198.51.100.1', 'x-real-ip': '203.0.113.9' };
    const more = { forwarded: 'for=203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
    await send(set.front.port, '/hooks/acme', '{}', { ...forged, ...more });
    const headers = [...set.one.heard, ...set.other.heard][0]?.headers ?? {};
    expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    expect(JSON.stringify(headers)).not.toMatch(/203\.0\.113|198\.51\.100|evil/);
  });

  it('is not begun before the whole webhook is there', async () => {
    await using set = await two(accepts, accepts);
    const slow = request({ port: set.front.port, host: '127.0.0.1', method: 'POST', path: '/hooks/slow' });
    slow.setHeader('content-length', 4);
    slow.write('{"');
    // What comes later has been there and back meanwhile.
    for (let n = 0; n < 4; n++) await send(set.front.port, '/hooks/quick');
    expect([...set.one.seen, ...set.other.seen].filter((target) => target === '/hooks/slow')).toEqual([]);
    slow.on('error', () => undefined).destroy();
  });
});

describe('the times', () => {
  const seconds = (name: string) => Number(new RegExp(`^ +${name} (\\d+)s;`, 'm').exec(nginxConfig)?.[1]);

  it('leave room to ask a second relay when the first is gone, and none when it is silent', () => {
    expect(seconds('proxy_connect_timeout') * 2).toBeLessThan(seconds('proxy_next_upstream_timeout'));
    expect(seconds('proxy_next_upstream_timeout')).toBeLessThan(seconds('proxy_read_timeout'));
  });

  it('let what is under way end before compose kills', () => {
    const grace = Number.parseInt(composeFile().services.front?.stop_grace_period ?? '', 10);
    expect(Number(/^worker_shutdown_timeout (\d+)s;/m.exec(nginxConfig)?.[1])).toBeLessThan(grace);
  });
});

describe('the log', () => {
  it('names source, status and relay, and neither key nor query', async () => {
    await using set = await two(breaksOff, accepts);
    for (let n = 0; n < 3; n++) await send(set.front.port, '/hooks/acme/PATH-KEY?token=QUERY-KEY');
    const text = set.front.log();
    expect(text).not.toMatch(/PATH-KEY|QUERY-KEY/);
    const lines = text.split('\n').filter((line) => line.startsWith('{'));
    const last = JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
    expect(last).toMatchObject({ source: 'acme', status: 200, address: '127.0.0.1', method: 'POST' });
    expect(last.relays).toContain(String(set.other.port));
  });
});
