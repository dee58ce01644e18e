import { createHmac } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { KEY_OF_CASES, PSEUDONYMS_MAX } from '../../src/mapping/pseudonym.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { mapOne, source, task } from '../support/mapping.ts';

const KEY = 'a key that nobody guesses';
const runner = createRunner({ clock: systemClock, pseudonymKey: KEY });
const keyless = createRunner({ clock: systemClock });
afterAll(() => Promise.all([runner[Symbol.asyncDispose](), keyless[Symbol.asyncDispose]()]));

const hmac = (value: string, key = KEY) => createHmac('sha256', key).update(value).digest('hex');
const anyPseudonym = /[0-9a-f]{64}/;

/** The property `p` of an event that is made of this expression. */
async function propertyOf(expression: string, body: unknown = {}): Promise<unknown> {
  const result = await mapOne(runner, `{"event": "x", "properties": {"p": ${expression}}}`, body);
  if (!result.ok) throw new Error(result.message);
  return (result.outputs[0] as { properties: { p?: unknown } }).properties.p;
}

describe('$pseudonym', () => {
  it.each([
    ['a text', '$pseudonym(id)', { id: 'u_1' }, hmac('u_1')],
    ['a text beyond ASCII', '$pseudonym(id)', { id: 'Zoë "東京" \\' }, hmac('Zoë "東京" \\')],
    ['half a character', '$pseudonym(id)', { id: 'a\ud800' }, hmac('a\ufffd')],
    ['the longest text', '$pseudonym(id)', { id: 'ö'.repeat(1_024) }, hmac('ö'.repeat(1_024))],
    ['a number, as its text', '$pseudonym(id)', { id: 42 }, hmac('42')],
    ['a boolean, as its text', '$pseudonym(id)', { id: false }, hmac('false')],
    ['the context', 'id.$pseudonym()', { id: 'u_1' }, hmac('u_1')],
    ['what is piped into it', 'id ~> $lowercase ~> $pseudonym', { id: 'U_1' }, hmac('u_1')],
    ['what it is partially applied to', '($p := $pseudonym(?); $p(id))', { id: 'u_1' }, hmac('u_1')],
    ['each of a list', '$map(ids, $pseudonym)', { ids: ['a', 2] }, [hmac('a'), hmac('2')]],
  ])('of %s is its HMAC-SHA256 in hex', async (_name, expression, body, expected) => {
    expect(await propertyOf(expression, body)).toEqual(expected);
  });

  it.each(['$pseudonym(missing)', '$pseudonym(null)', '$pseudonym("")', '$map([], $pseudonym)'])(
    '%s is nothing',
    async (expression) => expect(await propertyOf(expression)).toBeUndefined(),
  );

  it.each([
    ['$pseudonym({"a": 1})', 'T0410'],
    ['$pseudonym([1, 2])', 'T0410'],
    ['$pseudonym()', 'T0411'],
    ['($p := $pseudonym(?); $p({"a": 1}))', 'only a text'],
    ['$pseudonym(long)', '1025 characters is more than 1024'],
    ['$pseudonym($pseudonym("a"))', 'a pseudonym has no pseudonym'],
  ])('%s is an error with its place', async (expression, words) => {
    const result = await mapOne(runner, `{"event": ${expression}}`, { long: 'x'.repeat(1_025) });
    expect(result).toMatchObject({ ok: false, reason: 'mapping_error', line: 1, column: expect.any(Number) });
    expect(!result.ok && result.message).toContain(words);
  });

  it('has as many different values as a delivery has outputs, and no more', async () => {
    const text = '{"event": "x", "properties": {"all": $count(ids.$pseudonym($)), "more": $pseudonym(more)}}';
    const ids = Array.from({ length: PSEUDONYMS_MAX }, (_, n) => n);
    expect(await mapOne(runner, text, { ids, more: 9_999 })).toMatchObject({
      outputs: [{ properties: { all: PSEUDONYMS_MAX, more: hmac('9999') } }],
    });
    expect(await mapOne(runner, text, { ids, more: 'another' })).toMatchObject({
      ok: false,
      message: expect.stringContaining(`${PSEUDONYMS_MAX}`),
    });
  });
});

describe('within a mapping, a pseudonym', () => {
  const body = { id: 'u_1', other: 'u_2' };

  it.each([
    [
      'stands in longer texts, as often as it likes',
      '"usr_" & $pseudonym(id) & $pseudonym(id) & "é"',
      `usr_${hmac('u_1')}${hmac('u_1')}é`,
    ],
    ['stands between digits', '"0a" & $pseudonym(other) & "00000001"', `0a${hmac('u_2')}00000001`],
    ['equals another of the same value', '$pseudonym(id) = $pseudonym("u_1")', true],
    ['differs from that of another', '$pseudonym(id) = $pseudonym(other)', false],
    ['is 64 long', '$length($pseudonym(id))', 64],
    ['is joined', '$join([$pseudonym(id), $pseudonym(other)], ",")', `${hmac('u_1')},${hmac('u_2')}`],
    ['replaces others', '$replace("u={id}", "{id}", $pseudonym(id))', `u=${hmac('u_1')}`],
    ['is told from its copies', '$count($distinct([$pseudonym(id), $pseudonym(id), $pseudonym(other)]))', 2],
    ['stands in JSON within a text', '$string({"u": $pseudonym(id)})', `{"u":"${hmac('u_1')}"}`],
    ['names a property', '{$pseudonym(id): 1}', { [hmac('u_1')]: 1 }],
  ])('%s', async (_name, expression, expected) => {
    expect(await propertyOf(expression, body)).toEqual(expected);
  });

  it.each([
    '$substring($pseudonym(id), 0, 8)',
    '$substringBefore("u_" & $pseudonym(id), "_")',
    '$substringAfter("u_", $pseudonym(id))',
    '$split($pseudonym(id), "")',
    '$match($pseudonym(id), /[0-9]+/)',
    '$contains($pseudonym(id), "a")',
    '$replace($pseudonym(id), "a", "b")',
    '$uppercase($pseudonym(id))',
    '$base64encode($pseudonym(id))',
    '$number($pseudonym(id))',
    '$pad("x", 40, $pseudonym(id))',
    '$map([$pseudonym(id)], $uppercase)',
  ])('is not looked into: %s', async (expression) => {
    const result = await mapOne(runner, `{"event": "x", "p": ${expression}}`, body);
    expect(result).toMatchObject({ ok: false, reason: 'mapping_error', line: 1 });
    expect(!result.ok && result.message).toMatch(/cannot|not looked into/);
  });

  it('that was cut all the same makes no event', async () => {
    const cut = '($cut := /[0-9a-f]{60}/; {"event": "x", "p": $cut($pseudonym(id)).match})';
    expect(await mapOne(runner, cut, body)).toMatchObject({ ok: false, reason: 'mapping_output' });
  });

  it('stands in the words of an error', async () => {
    const result = await mapOne(runner, '$error("no plan for " & $pseudonym(id))', body);
    expect(!result.ok && result.message).toContain(`no plan for ${hmac('u_1')}`);
  });
});

describe('many deliveries at once', () => {
  it('each have the pseudonyms of their own values, in large outputs too', async () => {
    const text = '[1..3].{"event": "x", "properties": {"n": $, "id": $pseudonym($$.id), "fill": $$.fill}}';
    const fill = '#'.repeat(60_000);
    const plain = '{"event": "y", "properties": {"id": id}}';
    const tasks = Array.from({ length: 130 }, (_, n) => task(n % 5 === 0 ? plain : text, { id: `u${n}`, fill }));
    const results = await runner.map(tasks);
    for (const [n, result] of results.entries()) {
      const ids = result.ok && result.outputs.map((output) => (output as { properties: { id: string } }).properties.id);
      expect(ids).toEqual(n % 5 === 0 ? [`u${n}`] : Array(3).fill(hmac(`u${n}`)));
    }
  });

  it('may have more values together than one may have', async () => {
    const ids = Array.from({ length: 400 }, (_, n) => n);
    const tasks = ids
      .slice(0, 50)
      .map((n) => task('{"event": (ids.$pseudonym($))[-1]}', { ids: ids.map((id) => `${n}-${id}`) }));
    const results = await runner.map(tasks);
    expect(results).toMatchObject(tasks.map((_, n) => ({ ok: true, outputs: [{ event: hmac(`${n}-399`) }] })));
  });

  it('among which one hangs, too', async () => {
    const text = '{"event": "x", "properties": {"id": $pseudonym(id)}}';
    const hanging = task('$contains($join([1..40].("a")) & "!", /^(a+)+$/)', {});
    const tasks = [task(text, { id: 'a' }), hanging, task(text, { id: 'b' })];
    const [first, second, third] = await runner.map(tasks);
    expect(first).toMatchObject({ outputs: [{ properties: { id: hmac('a') } }] });
    expect(second).toMatchObject({ ok: false, reason: 'mapping_timeout' });
    expect(third).toMatchObject({ outputs: [{ properties: { id: hmac('b') } }] });
  });

  it('of a case are made with the key of cases, of others with the relay’s', async () => {
    const one = task('{"event": $pseudonym("a")}');
    const results = await runner.map([one, { ...one, rehearsal: true }, one]);
    expect(results.map((result) => result.ok && result.outputs)).toEqual(
      [KEY, KEY_OF_CASES, KEY].map((key) => [{ event: hmac('a', key) }]),
    );
  });
});

describe('a forged mark', () => {
  it('in a payload stays the text it is, beside a pseudonym', async () => {
    const text =
      '{"event": "x", "properties": {"own": $pseudonym("a"), "theirs": theirs, "both": theirs & $pseudonym("a")}}';
    // Every form a mark can have, but for the nonce, which nobody can know.
    for (const theirs of [`${'0'.repeat(56)}00000000`, hmac('a'), hmac('a').slice(0, 56), `${hmac('b')}00000000`]) {
      expect(await mapOne(runner, text, { theirs })).toMatchObject({
        outputs: [{ properties: { own: hmac('a'), theirs, both: theirs + hmac('a') } }],
      });
    }
  });

  it('cannot be learned from an earlier delivery: each batch has others', async () => {
    const sorted = '{"event": "x", "p": $string($sort([$pseudonym("a"), "8"])[0] = "8")}';
    const seen = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const result = await mapOne(runner, sorted, {});
      seen.add(JSON.stringify(result.ok && result.outputs));
    }
    // The first digit of a mark is above 8 or not, by chance; were it always the same mark, there would be one answer.
    expect(seen.size).toBe(2);
  });
});

describe('the id of a custom delivery', () => {
  const view = { method: 'POST', headers: {}, query: {}, body: { id: 'evt_1' } };

  it('may be a pseudonym', async () => {
    const acme = source('acme', { deliveryId: '"acme-" & $pseudonym(id)' });
    expect(await runner.doorId(acme, view)).toBe(`acme-${hmac('evt_1')}`);
  });

  it('is none without a key', async () => {
    expect(await keyless.doorId(source('acme', { deliveryId: '$pseudonym(id)' }), view)).toBeNull();
  });
});

describe('without a key', () => {
  const text = '{\n  "event": "x",\n  "properties": {"id": $pseudonym(id)}\n}';

  it('a mapping that asks for a pseudonym does not compile', async () => {
    const diagnostic = { code: 'no_key', line: 3, column: 25, token: 'pseudonym' };
    const message = expect.stringContaining('RELAY_PSEUDONYM_KEY');
    expect(await keyless.compile(text)).toEqual({ ok: false, diagnostics: [{ ...diagnostic, message }] });
    expect(await runner.compile(text)).toEqual({ ok: true });
  });

  it('it fails when it is run all the same, a case too', async () => {
    for (const rehearsal of [false, true]) {
      const [result] = await keyless.map([{ ...task(text), rehearsal }]);
      expect(result).toMatchObject({ ok: false, reason: 'mapping_error', line: 3 });
      expect(result?.ok === false && result.message).toContain('RELAY_PSEUDONYM_KEY');
    }
  });

  it('$redact and $emailDomain work', async () => {
    const both = '{"event": $emailDomain(a), "properties": $redact({"b": 1}, ["b"])}';
    expect(await mapOne(keyless, both, { a: 'x@y.example' })).toMatchObject({
      outputs: [{ event: 'y.example', properties: {} }],
    });
  });
});

it('what is no pseudonym has none of its looks: a mapping without any is passed on as it came', async () => {
  const result = await mapOne(runner, '{"event": id}', { id: hmac('a') });
  expect(result.ok && JSON.stringify(result.outputs)).toMatch(anyPseudonym);
  expect(result).toMatchObject({ outputs: [{ event: hmac('a') }] });
});
