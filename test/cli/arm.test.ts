import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { type ArmOptions, arm } from '../../src/cli/arm.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { ADMIN_TOKEN, armingRelay } from '../support/arming-relay.ts';
import { call } from '../support/cli-folders.ts';
import { root, run, until } from '../support/program.ts';

const minutes = 60_000;

let relay: Awaited<ReturnType<typeof armingRelay>>;
beforeEach(async () => {
  relay = await armingRelay();
  vi.stubEnv('RELAY_ADMIN_TOKEN', ADMIN_TOKEN);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await relay[Symbol.asyncDispose]();
});

/** While the command waits, this happens instead: once for each second. */
function waiting(...happens: (() => unknown)[]): Clock {
  let passed = 0;
  return {
    ...systemClock,
    monotonic: () => passed,
    wait: async (ms) => {
      passed += ms;
      await happens.shift()?.();
    },
  };
}
const command = (options: Partial<ArmOptions>, clock = waiting(), json = false) =>
  call((context) => arm({ source: 'asana', url: relay.url, wait: true, ...options }, context, clock), json);

it('arms, says what to do with which URL, and waits until the secret came', async () => {
  const nothing = () => undefined;
  const { code, out, err } = await command(
    {},
    waiting(nothing, nothing, () => relay.learn('asana')),
  );
  expect(err).toContain('asana takes a secret from asana until 2026-11-21T10:14:11.000Z');
  expect(err).toContain('https://hooks.example.com/hooks/asana');
  expect(out).toBe('asana learned its secret at 2026-11-21T10:04:11.000Z\n');
  expect(out + err).not.toContain('secret-of');
  expect(relay.asked).toEqual([
    'GET /api/sources',
    'POST /api/sources/asana/arm',
    ...Array(3).fill('GET /api/sources/asana/arm'),
  ]);
  expect(code).toBe(0);
});

it('ends with 1 when nothing came within the ten minutes', async () => {
  const { code, out } = await command(
    {},
    waiting(() => relay.clock.advance(10 * minutes)),
  );
  expect(out).toBe('asana learned nothing\n');
  expect(code).toBe(1);
});

it('gives up when a relay never says that the ten minutes are over', async () => {
  const { code } = await command({});
  expect(relay.asked.length).toBeLessThan(700);
  expect(code).toBe(1);
});

it('goes on waiting while the relay starts again', async () => {
  const nothing = () => undefined;
  const happens = [relay.goAway, nothing, relay.comeBack, () => relay.learn('asana')];
  expect(await command({}, waiting(...happens))).toMatchObject({ code: 0 });
});

it('is 3 when the relay went away and stays away', async () => {
  const { code, out } = await command({}, waiting(relay.goAway));
  expect({ code, out }).toEqual({ code: 3, out: '' });
});

it('returns at once with --no-wait', async () => {
  const { code, out } = await command({ wait: false });
  expect(out).toBe('armed asana until 2026-11-21T10:14:11.000Z\n');
  expect(code).toBe(0);
  const json = await command({ wait: false }, waiting(), true);
  expect(JSON.parse(json.out)).toEqual({ source: 'asana', armed_until: '2026-11-21T10:14:11.000Z', state: 'armed' });
});

it('prints the secret that is to be pasted back, once', async () => {
  const { code, out } = await command(
    { source: 'notion' },
    waiting(() => relay.learn('notion')),
  );
  expect(out).toContain('token: secret-of-notion\n');
  expect(code).toBe(0);
  const again = await command({ source: 'notion' });
  expect(again.out + again.err).not.toContain('secret-of');
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining('learned one already') });
});

it('prints it also when it came after --no-wait, and gives it as JSON', async () => {
  await command({ source: 'notion', wait: false });
  await relay.learn('notion');
  const { code, out } = await command({ source: 'notion' }, waiting(), true);
  expect(JSON.parse(out)).toMatchObject({ source: 'notion', state: 'learned', token: 'secret-of-notion' });
  expect(code).toBe(0);
});

it('says why it cannot be shown, and shows nothing that a terminal would obey', async () => {
  await relay.keeper.arm('notion', relay.clock.now() + minutes);
  const other = await command({ source: 'notion', wait: false });
  expect(other.code).toBe(0);
  await relay.learn('notion', 'red\u001b[31m\u202e');
  expect((await command({ source: 'notion' })).out).toContain('token: red\\u{1b}[31m\\u{202e}\n');
});

it('drops what was learned first with --forget', async () => {
  await command(
    {},
    waiting(() => relay.learn('asana')),
  );
  const { code, err } = await command(
    { forget: true },
    waiting(() => relay.learn('asana', 'another secret')),
  );
  expect(err).toContain('is dropped');
  expect(code).toBe(0);
  expect((await relay.keeper.learnedSecrets()).get('asana')?.secret).toBe('another secret');
  expect((await command({ source: 'notion', forget: true, wait: false })).err).toContain('had learned no secret');
});

it.each([
  ['stripe', 1, 'hands over none'],
  ['given', 1, 'source.yaml gives one'],
  ['asanna', 2, 'did you mean asana?'],
])('refuses %s', async (source, code, words) => {
  expect(await command({ source })).toMatchObject({ code, out: '', err: expect.stringContaining(words) });
});

it('is 1 with the wrong token, 3 when nobody is there', async () => {
  vi.stubEnv('RELAY_ADMIN_TOKEN', 'wrong');
  expect(await command({})).toMatchObject({ code: 1, err: expect.stringContaining('RELAY_ADMIN_TOKEN') });
  expect(await run(['arm', 'asana', '--no-wait'], { RELAY_ADMIN_PORT: '1' })).toMatchObject({ code: 3, out: '' });
});

it('stops waiting at Ctrl-C, says so, and leaves the source armed', async () => {
  const env = { RELAY_ADMIN_TOKEN: ADMIN_TOKEN };
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'arm', 'asana', '--url', relay.url], { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise((done) => child.on('close', done));
  await until(() => said.includes('Ctrl-C'), 'the command to wait');
  child.kill('SIGINT');
  expect(await ended).toBe(1);
  expect(said).toContain('stays armed');
  expect(await relay.learn('asana')).toBe('learned');
});
