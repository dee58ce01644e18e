/** `try --relay`, through the real program and a real relay: the same words and exit codes as without it. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMappings } from '../support/cli-folders.ts';
import { type Environment, type RunningRelay, run, serve, temporaryFolder, until } from '../support/program.ts';

const TOKEN = 'full-token-of-try-relay-1d20';
const READ = 'read-token-of-try-relay-93fe';
const folder = temporaryFolder('try-relay');
const mappings = writeMappings(folder.path, {
  'shop/cases/paid.headers.json': '{"x-kind":"kind"}',
  'payloads/1.json': '{"id":"evt_1","amount":1,"who":"u1","created":1700000000}',
  'payloads/2.form': 'id=evt_2&amount=7&who=u2&created=2023-11-14T22:13:20Z',
  'payloads/3.json': 'no json at all',
  'lines.ndjson': '{"amount":1,"created":1700000000}\n{"amount":2}\n',
  // Lines have no id of their own, and then each trial is a delivery of its own.
  'lines.jsonata': '{ "event": "L", "properties": { "n": amount, "time": created, "$insert_id": "lines" } }',
  'new.jsonata': '{ "event": "New " & $headers."x-kind", "properties": { "time": created } }',
  'late.jsonata': '(\n  $x := 1;\n  $uppercase(amount)\n)',
  'text.jsonata': '{ "event": "A",\n  "properties": { "n": amount }',
  'rules.jsonata': '[{ "event": "A", "properties": { "time": created } }, { "nothing": 1 }]',
  'skips.jsonata': '[]',
  'loops.jsonata': '($f := function(){$f()}; $f())',
});
const file = (name: string) => join(mappings, name);
const environment: Environment = { RELAY_MAPPINGS_DIR: mappings, RELAY_DATA_DIR: join(folder.path, 'data') };
let relay: RunningRelay;

beforeAll(async () => {
  // Bytes that are no UTF-8.
  writeFileSync(
    file('payloads/5.xml'),
    Buffer.concat([Buffer.from('<a>'), Buffer.from([0xff, 0xfe]), Buffer.from('</a>')]),
  );
  relay = await serve({ ...environment, RELAY_ADMIN_TOKEN: TOKEN, RELAY_ADMIN_READ_TOKEN: READ });
});
afterAll(async () => {
  await relay[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const here = (...args: readonly string[]) => run(['try', 'shop', ...args], environment);
const there = (args: readonly string[], token: Environment = { RELAY_ADMIN_READ_TOKEN: READ }) =>
  run(['try', ...args, '--url', relay.adminUrl], { ...environment, ...token });

describe('trackrelay try --relay says what trackrelay try says', () => {
  it.each<[string, ...string[]]>([
    ['of a case', 'paid'],
    ['of a case, as JSON', 'paid', '--json'],
    ['of a form', file('payloads/2.form'), '--json'],
    ['of JSON lines', file('lines.ndjson'), '--json', '--mapping', file('lines.jsonata')],
    ['of a folder of payloads', file('payloads')],
    ['of a folder of payloads, as JSON', file('payloads'), '--json'],
    ['of bytes that are no text', file('payloads/5.xml'), '--json'],
    ['of another mapping, which reads headers', 'paid', '--json', '--mapping', file('new.jsonata')],
    ['where a mapping fails, with line and column', 'paid', '--mapping', file('late.jsonata')],
    ['where a mapping does not compile', 'paid', '--json', '--mapping', file('text.jsonata')],
    ['of a mapping that never ends', 'paid', '--mapping', file('loops.jsonata')],
    ['of outputs that break a rule', 'paid', '--json', '--mapping', file('rules.jsonata')],
    ['of what is skipped', 'paid', '--mapping', file('skips.jsonata')],
  ])('%s', async (_, ...args) => {
    const [local, remote] = await Promise.all([here(...args), there(['shop', ...args])]);
    expect(remote).toEqual(local);
    expect(`${local.out}${local.err}`).not.toBe('');
  });

  it('and shows the line: 3:3 of the mapping, with a caret', async () => {
    const { code, out, err } = await there(['shop', 'paid', '--mapping', file('late.jsonata')]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/late\.jsonata {2}mapping_error: T0410 at 3:\d+: /);
    expect(err).toMatch(/3 │ {3}\$uppercase\(amount\)\n +│ +\^/);
  });
});

describe('what only a relay can do', () => {
  it('tries a delivery that it keeps, by its id, and changes nothing', async () => {
    const sent = await run(['send', 'shop', 'paid', '--json', '--url', relay.publicUrl], environment);
    const { delivery } = JSON.parse(sent.out) as { delivery: string };
    const authorization = `Bearer ${READ}`;
    const look = async (path: string) =>
      (await (await fetch(relay.adminUrl + path, { headers: { authorization } })).json()) as Record<string, unknown>;
    const kept = `/api/deliveries/${delivery}`;
    await until(
      async () => JSON.stringify(await look(kept)).includes('"state":"delivered"'),
      'the event to be delivered',
    );
    const before = await look(kept);
    const { code, out } = await there(['shop', delivery, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual((before.events as { event: unknown }[]).map(({ event }) => event));
    const explained = await there(['shop', delivery, '--explain', '--mapping', file('new.jsonata')]);
    expect(explained.out).toMatch(/verified {2}yes: it was accepted\n {2}reads .*created\n {2}event +New kind /);
    expect(await look(kept)).toEqual(before);
    expect(await here(delivery)).toMatchObject({ code: 2, err: expect.stringContaining('--relay') });
  });

  it('needs no folder here when the mapping is given', async () => {
    const elsewhere = { RELAY_MAPPINGS_DIR: join(folder.path, 'empty') };
    const args = ['shop', file('payloads/1.json'), '--json', '--mapping', file('rules.jsonata')];
    const { code, out } = await there(args, { ...elsewhere, RELAY_ADMIN_TOKEN: TOKEN });
    expect({ code, events: JSON.parse(out).length }).toEqual({ code: 1, events: 1 });
    const bare = await there(['shop', file('payloads/1.json')], { ...elsewhere, RELAY_ADMIN_TOKEN: TOKEN });
    expect(bare).toMatchObject({ code: 2, out: '', err: expect.stringContaining('there is no source') });
  });

  it('is found by RELAY_ADMIN_PORT with --relay alone', async () => {
    const env = { ...environment, RELAY_ADMIN_PORT: new URL(relay.adminUrl).port, RELAY_ADMIN_READ_TOKEN: READ };
    expect(await run(['try', 'shop', 'paid', '--relay'], env)).toEqual(await here('paid'));
  });
});

describe('what a relay refuses', () => {
  it('is a wrong token (1), a source it does not have (2), a delivery it does not keep (1), and nobody there (3)', async () => {
    const token = await there(['shop', 'paid'], { RELAY_ADMIN_TOKEN: 'not-the-token-of-that-relay' });
    expect(token).toMatchObject({ code: 1, out: '', err: expect.stringContaining('wants its token') });
    const more = writeMappings(join(folder.path, 'more'), { 'mine/source.yaml': 'provider: stripe\n' });
    writeFileSync(join(more, 'mine/mapping.jsonata'), '[]');
    const args = ['mine', file('payloads/1.json')];
    const source = await there(args, { RELAY_MAPPINGS_DIR: more, RELAY_ADMIN_READ_TOKEN: READ });
    expect(source).toMatchObject({ code: 2, out: '', err: expect.stringContaining('no source of that name') });
    const delivery = await there(['shop', 'dlv_01jd0000000000000000000000']);
    expect(delivery).toMatchObject({ code: 1, out: '', err: expect.stringContaining('no such delivery') });
    const nobody = await run(['try', 'shop', 'paid', '--url', 'http://127.0.0.1:9'], environment);
    expect(nobody).toMatchObject({ code: 3, out: '' });
    rmSync(more, { recursive: true });
  });
});
