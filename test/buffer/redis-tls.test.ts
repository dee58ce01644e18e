/** Redis over TLS, with a user and a password: an authority of one's own is enough, and what is wrong is said without a secret. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { Journey } from '../support/journey.ts';
import { run, until } from '../support/program.ts';
import { accept, RedisKeepers } from '../support/redis-keeper.ts';
import { RedisWithTls } from '../support/redis-tls.ts';

/** What an address cannot hold as it is. */
const password = 'pa:s/w@rd %41';
const written = encodeURIComponent(password);
/** A `%` in it would have to be written `%25`. */
const unwritten = 'half%off';
const secrets = [password, written, unwritten, 'half%25off'];
/** A start waits so long for a Redis that is not there yet; what no waiting mends is said before. */
const startMs = 10_000;
const back = { timeout: 3_000, interval: 20 };

let redis: RedisWithTls;
beforeAll(async () => {
  redis = await RedisWithTls.start();
  await setPassword();
});
afterAll(() => redis.remove());

/** All that a relay needs (docs/scaling.md). */
const rights = ['~{relay:*', '+@all', '-@dangerous', '+info', '+config|get'];
const setPassword = () => redis.server.ask('ACL', 'SETUSER', 'relay', 'reset', 'on', `>${password}`, ...rights);
const takesAgain = (keeper: RedisBuffer) =>
  expect.poll(() => accept(keeper).catch(() => null), back).toMatchObject({ status: 'accepted' });

describe('the keeper', () => {
  const trusted = getCACertificates('default');
  let keepers: RedisKeepers;
  beforeAll(() => {
    keepers = new RedisKeepers(redis.server);
    setDefaultCACertificates([...trusted, redis.authority.pem]);
  });
  afterAll(() => setDefaultCACertificates(trusted));
  afterEach(() => keepers.crashAll());

  it('keeps webhooks over TLS, with a user and a password that the address has encoded', async () => {
    const keeper = await keepers.open({ url: redis.url(`relay:${written}@`) });
    expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
    expect(await redis.server.ask('CLIENT', 'LIST')).toMatch(/name=trackrelay-accept .* user=relay /);
  });

  it('does so with the password of requirepass alone, and goes on after a restart', async () => {
    await redis.server.ask('CONFIG', 'SET', 'requirepass', 'sesame');
    try {
      const keeper = await keepers.open({ url: redis.url(':sesame@') });
      expect(await accept(keeper)).toMatchObject({ status: 'accepted' });
      await redis.server.kill();
      await redis.server.startAgain();
      await redis.server.ask('CONFIG', 'SET', 'requirepass', 'sesame');
      await takesAgain(keeper);
    } finally {
      await redis.server.kill();
      await redis.server.startAgain();
      await setPassword();
    }
  });

  it('refuses webhooks while its password is another one, and goes on when it is right again', async () => {
    const keeper = await keepers.open({ url: redis.url(`relay:${written}@`) });
    await redis.server.ask('ACL', 'SETUSER', 'relay', 'resetpass', '>another');
    await redis.server.ask('CLIENT', 'KILL', 'USER', 'relay');
    const why = () => accept(keeper).catch((error: Error) => error.message);
    await expect.poll(why, back).toMatch(/^Redis refuses the user or the password of REDIS_URL/);
    await setPassword();
    await takesAgain(keeper);
  });

  it.each([
    [
      'a wrong password',
      () => redis.url('relay:guessed@'),
      /refuses the user or the password of REDIS_URL \(WRONGPASS/,
    ],
    ['a user that is not there', () => redis.url(`nobody:${written}@`), /refuses the user or the password/],
    [
      'a host that the certificate is not for',
      () => redis.url(`relay:${written}@`, '127.0.0.1'),
      /not right .*127\.0\.0\.1/,
    ],
  ])('is not opened with %s, and says at once what is wrong, without the password', async (_, url, words) => {
    const began = performance.now();
    const error = (await keepers.open({ url: url() }).catch((reason) => reason)) as Error;
    expect(performance.now() - began).toBeLessThan(startMs);
    expect(error).toMatchObject({ name: 'UsageError', exitCode: 1, message: expect.stringMatching(words) });
    expect(`${error.message}${error.stack}`).not.toMatch(new RegExp(['guessed', ...secrets].join('|')));
  });
});

describe('the program', () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.open('redis-tls');
  });
  afterAll(() => journey[Symbol.asyncDispose]());

  it('keeps webhooks in a Redis of an authority of our own, and shows its password nowhere', async () => {
    const REDIS_URL = redis.url(`relay:${written}@`);
    const relay = await journey.start({ REDIS_URL, NODE_EXTRA_CA_CERTS: redis.authority.file });
    expect((await journey.sendFresh()).answer).toMatchObject({ status: 200 });
    await journey.arrived();
    await redis.server.ask('CLIENT', 'KILL', 'USER', 'relay');
    await until(async () => (await journey.sendFresh()).answer.status === 200, 'a webhook to be taken again', 6_000);
    const texts = await Promise.all(
      ['/health', '/metrics', '/api/sources', '/'].map((path) => fetch(relay.adminUrl + path).then((it) => it.text())),
    );
    const { out, err } = await journey.stop();
    const shown = await run(['config'], { ...journey.environment, REDIS_URL });
    for (const text of [...texts, out, err, shown.out, shown.err])
      for (const secret of secrets) expect(text).not.toContain(secret);
    expect(out).toContain('relay.started');
  });

  it.each([
    [
      'a certificate of an authority that it does not know',
      () => redis.url(`relay:${written}@`),
      1,
      'NODE_EXTRA_CA_CERTS',
    ],
    ['a password that is not encoded', () => redis.url(`relay:${unwritten}@`), 2, 'percent-encoded'],
  ])('does not start with %s, says what to do, and shows no password', async (_, url, code, words) => {
    const began = performance.now();
    const ended = await run(['serve'], {
      ...journey.environment,
      RELAY_PORT: '0',
      RELAY_ADMIN_PORT: '0',
      REDIS_URL: url(),
    });
    expect(performance.now() - began).toBeLessThan(startMs);
    expect(ended).toMatchObject({ code, err: expect.stringContaining(words) });
    for (const secret of secrets) expect(ended.out + ended.err).not.toContain(secret);
  });
});
