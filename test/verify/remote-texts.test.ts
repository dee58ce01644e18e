/** What is fetched for verification: once, bounded, remembered, and only from where the provider's own list says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { reachable } from '../../src/verify/reach.ts';
import { createRemoteTexts, type Load } from '../../src/verify/remote-texts.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const url = 'https://keys.example.com/v1/one.pem';

function texts(load: Load) {
  const clock = createFakeClock();
  const asked: string[] = [];
  const remote = createRemoteTexts({
    clock,
    load: (each, signal) => {
      asked.push(each);
      return load(each, signal);
    },
  });
  return { clock, asked, remote };
}

describe('a text that a provider publishes', () => {
  it('is there after it was fetched, until it is older than whoever asks wants', async () => {
    const { clock, remote } = texts(async () => 'a key');
    expect(remote.get(url, 60_000)).toBeNull();
    expect(await remote.fetch(url)).toBeNull();
    expect(remote.get(url, 60_000)).toBe('a key');
    await clock.advance(60_001);
    expect(remote.get(url, 60_000)).toBeNull();
    expect(remote.get(url, 120_000)).toBe('a key');
  });

  it('is fetched once, however many wait for it', async () => {
    const { asked, remote } = texts(async () => 'a key');
    await Promise.all([remote.fetch(url), remote.fetch(url), remote.fetch(url)]);
    expect(asked).toEqual([url]);
  });

  it('that fails is not asked for again at once, and says why', async () => {
    const { clock, asked, remote } = texts(async () => {
      throw new Error('it answered 404');
    });
    for (let count = 0; count < 5; count++) expect(await remote.fetch(url)).toContain('it answered 404');
    expect(asked).toHaveLength(1);
    await clock.advance(15_001);
    await remote.fetch(url);
    expect(asked).toHaveLength(2);
  });

  it('is still there when fetching it anew fails', async () => {
    let fails = false;
    const { remote } = texts(async () => {
      if (fails) throw new Error('it answered 500');
      return 'a key';
    });
    await remote.fetch(url);
    fails = true;
    expect(await remote.fetch(url)).toContain('500');
    expect(remote.get(url, 60_000)).toBe('a key');
  });

  it('is one of at most four that are fetched at once', async () => {
    const { asked, remote } = texts(
      (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)),
    );
    const open = Array.from({ length: 4 }, (_, at) => remote.fetch(`${url}?${at}`));
    expect(await remote.fetch(`${url}?more`)).toBe('too many keys are being fetched at once');
    expect(asked).toHaveLength(4);
    void open;
  });

  it('is one of at most 64 that are remembered', async () => {
    const { remote } = texts(async () => 'a key');
    for (let at = 0; at < 65; at++) await remote.fetch(`${url}?${at}`);
    expect(remote.get(`${url}?0`, 60_000)).toBeNull();
    expect(remote.get(`${url}?64`, 60_000)).toBe('a key');
  });
});

describe('a URL that a request names', () => {
  const provider = { reaches: [{ host: /^keys\.example\.com$/, path: /^\/v1\/[a-z]+\.pem$/ }] };

  it('is opened when scheme, host and path are on the list', () => {
    expect(reachable(provider, url)).toBe(true);
  });

  it.each([
    'http://keys.example.com/v1/one.pem',
    'https://keys.example.com:8443/v1/one.pem',
    'https://user:password@keys.example.com/v1/one.pem',
    'https://keys.example.com@evil.example/v1/one.pem',
    'https://keys.example.com.evil.example/v1/one.pem',
    'https://keys.example.com/v1/../v2/one.pem',
    'https://keys.example.com/v1/one.pem?x',
    'https://keys.example.com/v1/one.pem#x',
    'https://keys.example.com\\@evil.example/v1/one.pem',
    'https://KEYS.example.com/v1/one.pem',
    ' https://keys.example.com/v1/one.pem',
    'file:///v1/one.pem',
    'keys.example.com/v1/one.pem',
    '',
  ])('is not opened as %j', (text) => {
    expect(reachable(provider, text)).toBe(false);
  });

  it('is never opened for a provider without a list', () => {
    expect(reachable({}, url)).toBe(false);
  });
});

describe('over the network', () => {
  const server = createServer((req, res) => {
    if (req.url === '/moved') res.writeHead(302, { location: '/there' }).end();
    else if (req.url === '/large') res.end('x'.repeat(64 * 1024 + 1));
    else if (req.url === '/gone') res.writeHead(404).end('a key');
    else res.end('a key');
  });
  const base = new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
  afterAll(() => server.close());

  it('a text comes as it was answered', async () => {
    const remote = createRemoteTexts({ clock: createFakeClock() });
    expect(await remote.fetch(`${await base}/there`)).toBeNull();
    expect(remote.get(`${await base}/there`, 1)).toBe('a key');
  });

  it.each([
    ['moved', 'it answered 302'],
    ['gone', 'it answered 404'],
    ['large', 'more than 65536 bytes'],
  ])('/%s is none: %s', async (path, why) => {
    const remote = createRemoteTexts({ clock: createFakeClock() });
    expect(await remote.fetch(`${await base}/${path}`)).toContain(why);
    expect(remote.get(`${await base}/${path}`, 1)).toBeNull();
  });

  it('nobody there is a reason, not an exception', async () => {
    const remote = createRemoteTexts({ clock: createFakeClock() });
    expect(await remote.call('http://127.0.0.1:1/')).toContain('could not be fetched');
  });
});
