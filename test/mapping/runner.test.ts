import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { eventually, isAlive, mapOne, NORMAL, task } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

describe('mapping', () => {
  it('answers in the order it was asked, over many batches and several programs', async () => {
    const tasks = Array.from({ length: 300 }, (_, n) =>
      task(n % 3 === 0 ? '{"event": "third"}' : NORMAL, { type: `t${n}` }),
    );
    const results = await runner.map(tasks);
    expect(results.map((one) => one.ok && (one.outputs[0] as { event: string }).event)).toEqual(
      tasks.map((_, n) => (n % 3 === 0 ? 'third' : `t${n}`)),
    );
  });

  it('binds headers, query and the delivery beside the body', async () => {
    const text = '{"event": $headers."x-kind", "properties": {"q": $query.q, "delivery": $delivery, "root": $.type}}';
    const more = {
      headers: { 'content-type': 'application/json', 'x-kind': 'k' },
      query: { q: ['1', '2'] },
      key: 'k1',
    };
    expect(await mapOne(runner, text, { type: 'paid' }, more)).toMatchObject({
      ok: true,
      outputs: [
        {
          event: 'k',
          properties: {
            q: ['1', '2'],
            root: 'paid',
            delivery: {
              id: 'dlv_1',
              source: 'acme',
              provider: 'custom',
              key: 'k1',
              received_at: '2026-01-02T03:04:05.000Z',
            },
          },
        },
      ],
    });
  });

  it.each(['null', '[]', 'nothing.at.all', '[null, missing]'])('takes %s for nothing to say', async (text) => {
    expect(await mapOne(runner, text)).toMatchObject({ ok: true, outputs: [] });
  });

  it.each(['"text"', '1', '[1, 2]', '[[{"event": "x"}], {"event": "y"}]', 'true'])(
    'refuses %s, which is no event',
    async (text) => {
      expect(await mapOne(runner, text)).toMatchObject({ ok: false, reason: 'mapping_output' });
    },
  );

  it('gives up to 10,000 outputs', async () => {
    const result = await mapOne(runner, 'items.{"event": "x", "properties": {"n": $}}', {
      items: Array.from({ length: 10_000 }, (_, n) => n),
    });
    expect(result.ok && result.outputs.length).toBe(10_000);
    expect(result.ok && result.outputs[9_999]).toEqual({ event: 'x', properties: { n: 9_999 } });
  });

  it('refuses the output after the ten thousandth', async () => {
    const items = Array.from({ length: 10_001 }, (_, n) => n);
    const result = await mapOne(runner, 'items.{"event": "x"}', { items });
    expect(result).toMatchObject({ ok: false, reason: 'mapping_output' });
  });

  it('gives outputs without functions and without keys that change prototypes', async () => {
    const text = '{"event": "x", "f": $sum, "g": function($x){$x}, "__proto__": {"a": 1}, "constructor": 2, "k": 3}';
    const result = await mapOne(runner, text);
    expect(result.ok && JSON.stringify(result.outputs)).toBe('[{"event":"x","k":3}]');
  });

  it('says where a mapping went wrong', async () => {
    const result = await mapOne(runner, '{\n  "event": type,\n  "n": type + 1\n}');
    expect(result).toMatchObject({ ok: false, reason: 'mapping_error', line: 3, column: 13 });
    expect(result).toMatchObject({ message: expect.stringContaining('T2001 at 3:13: ') });
  });

  it('fails a delivery whose mapping does not compile, and says where', async () => {
    const result = await mapOne(runner, '{"event": ');
    expect(result).toMatchObject({ ok: false, reason: 'mapping_error', line: 1 });
  });

  it('reads a form body', async () => {
    const more = {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from('type=paid&tag=a&tag=b'),
    };
    const result = await mapOne(runner, '{"event": type, "properties": {"tags": tag}}', null, more);
    expect(result).toMatchObject({ ok: true, outputs: [{ event: 'paid', properties: { tags: ['a', 'b'] } }] });
  });

  it('lets a bounded function be applied in part, as JSONata does', async () => {
    const result = await mapOne(runner, '($words := $split(?, " "); {"event": "a b" ~> $words ~> $join("-")})');
    expect(result).toMatchObject({ ok: true, outputs: [{ event: 'a-b' }] });
  });

  it('keeps one delivery from seeing what another has bound', async () => {
    const [, second] = await runner.map([task('($x := 1; {"event": "a"})'), task('{"event": $type($x) & "!"}')]);
    expect(second).toMatchObject({ ok: true, outputs: [{ event: '!' }] });
  });
});

describe('compiling', () => {
  it('says nothing about a right text', async () => {
    expect(await runner.compile(NORMAL)).toEqual({ ok: true });
  });

  it('names code, line, column and token of a wrong one', async () => {
    const compiled = await runner.compile('{\n  "event": type,,\n}');
    expect(compiled).toMatchObject({ ok: false, diagnostics: [{ code: 'S0211', line: 2, column: 17, token: ',' }] });
  });

  it('refuses $eval before it ever runs', async () => {
    const compiled = await runner.compile('{"event": $eval(type)}');
    expect(compiled).toMatchObject({ ok: false, diagnostics: [{ code: 'removed', line: 1, column: 12 }] });
  });

  it.each([
    ['a text over 32 KB', `"${'x'.repeat(33_000)}"`],
    ['brackets without end', '('.repeat(30_000)],
  ])('refuses %s', async (_name, text) => {
    expect(await runner.compile(text)).toMatchObject({ ok: false });
  });
});

describe('an evaluator', () => {
  it('that is killed from outside is replaced, and its work done again', async () => {
    await eventually(() => runner.state.spareReady);
    const results = runner.map(Array.from({ length: 2_000 }, () => task(NORMAL)));
    process.kill(runner.state.pids[0] as number, 'SIGKILL');
    expect((await results).every((one) => one.ok)).toBe(true);
  });

  it('that sends garbage is ended, and the job fails for itself', async () => {
    const entry = new URL('../support/mapping-liar.ts', import.meta.url).pathname;
    await using liar = createRunner({ clock: systemClock, entry });
    expect(await mapOne(liar, NORMAL)).toMatchObject({ ok: false, reason: 'mapping_crash' });
    expect(liar.state.restarts).toBeGreaterThan(0);
  });

  it('that cannot be started at all is said so, and nothing about the jobs', async () => {
    const entry = new URL('../support/no-such-file.ts', import.meta.url).pathname;
    await using none = createRunner({ clock: systemClock, entry });
    await expect(none.map([task(NORMAL)])).rejects.toThrow('cannot be started');
  });

  it('is gone when the runner is', async () => {
    const short = createRunner({ clock: systemClock });
    await mapOne(short, NORMAL);
    const { pids } = short.state;
    await short[Symbol.asyncDispose]();
    expect(pids.some(isAlive)).toBe(false);
    await expect(short.map([task(NORMAL)])).rejects.toThrow('closed');
  });
});
