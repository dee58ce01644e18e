import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { readFolder } from '../../src/mapping/folder.ts';
import { bodyKept, maskedBody, readsMasked } from '../../src/mapping/kept-body.ts';
import { maskBody } from '../../src/mapping/mask-body.ts';
import { programOf } from '../../src/mapping/program.ts';
import { readsOf } from '../../src/mapping/reads.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { delivery, task } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock, pseudonymKey: 'cases have their own' });
afterAll(() => runner[Symbol.asyncDispose]());

const json = 'application/json';
function masked(mapping: string, body: string, contentType: string | undefined = json, form = {}): string | null {
  const bytes = maskBody({ body: Buffer.from(body), contentType, form }, readsOf(mapping));
  return bytes === null ? null : Buffer.from(bytes).toString();
}
const MAPPING = '{"event": type, "properties": {"a": data.object.amount, "n": data.items.name}}';

describe('a masked body', () => {
  it('has every text replaced but for those that the mapping reads; names, numbers and empty texts stay', () => {
    const body =
      '{ "type": "paid", "who": "Ann \\"A\\" Lee", "n": 1.50, "e": "", "ok": true, "no": null,\n' +
      '  "data": {"object": {"amount": "12.00", "card": "4242"}, "items": [{"name": "Tea", "by": "Ann"}, "Ann"]} }';
    expect(masked(MAPPING, body)).toBe(
      '{ "type": "paid", "who": "[masked]", "n": 1.50, "e": "", "ok": true, "no": null,\n' +
        '  "data": {"object": {"amount": "12.00", "card": "[masked]"}, "items": [{"name": "Tea", "by": "[masked]"}, "[masked]"]} }',
    );
  });

  it('keeps a place that is read under any spelling of its name, and no other that looks like it', () => {
    expect(masked('{"event": type}', '{"t\\u0079pe": "kept", "type ": "gone", "a": {"type": "gone"}}')).toBe(
      '{"t\\u0079pe": "kept", "type ": "[masked]", "a": {"type": "[masked]"}}',
    );
  });

  it('keeps what wildcards read, at their depth', () => {
    const body = '{"a":{"name":"1","x":{"name":"2"}},"b":[{"name":"3"},[{"name":"4"}]],"name":"5","y":"6"}';
    const gone = (text: string | null) => [...(text ?? '').matchAll(/"(name|y)":"\[masked\]"/g)].length;
    // What is at hand may be a list, of which `*` gives the items: so the name beside them stays too.
    expect(gone(masked('*.name', body))).toBe(2);
    expect(gone(masked('**.name', body))).toBe(1);
    expect(gone(masked('a.**.name', body))).toBe(4);
    expect(gone(masked('{"event": "x"}', body))).toBe(6);
  });

  it('has the lines of JSON lines masked, whatever they are called', () => {
    const lines = '{"type":"a","who":"Ann"}\n{"type":"b","who":"Bob"}\n';
    const told = '{"type":"a","who":"[masked]"}\n{"type":"b","who":"[masked]"}\n';
    expect(masked('$.{"event": type}', lines, 'application/x-ndjson')).toBe(told);
    expect(masked('$.{"event": type}', lines, json, { lines: true })).toBe(told);
  });

  it('has the fields of a form masked, and the JSON inside of one', () => {
    const form = 'application/x-www-form-urlencoded; charset=utf-8';
    expect(masked('{"event": type}', 'type=a+b&who=Ann%20Lee&who=Bob&e=&flag', form)).toBe(
      'type=a+b&who=%5Bmasked%5D&who=%5Bmasked%5D&e=&flag',
    );
    const inner = (text: string) => `payload=${encodeURIComponent(text)}`;
    expect(masked('{"event": type}', inner('{"type":"a","who":"Ann"}'), form)).toBe(
      inner('{"type":"a","who":"[masked]"}'),
    );
    const unwrap = { unwrap: { field: 'events', as: 'json' } };
    expect(
      masked('$.{"event": type}', `events=${encodeURIComponent('[{"type":"a","who":"Ann"}]')}&sig=s`, form, unwrap),
    ).toBe(`events=${encodeURIComponent('[{"type":"a","who":"[masked]"}]')}&sig=%5Bmasked%5D`);
  });

  it.each([
    ['XML', '<a>Ann</a>', 'application/xml'],
    ['multipart', '--x\r\n\r\nAnn\r\n--x--', 'multipart/form-data; boundary=x'],
    ['a text', 'Ann', 'text/plain'],
    ['broken JSON', '{"a": "Ann', json],
  ])('is none where the body is %s', (_, body, contentType) => {
    expect(masked('{"event": type}', body, contentType)).toBeNull();
  });

  it('is none where the mapping takes everything, so that nothing is kept', () => {
    expect(masked('{"event": "x", "properties": $}', '{"who":"Ann"}')).toBeNull();
    const one = delivery({ who: 'Ann' });
    const mapped = { delivery: one, state: 'mapped', events: [], dead: [] } as const;
    const program = programOf('{"event": "x", "properties": $}');
    expect(bodyKept(mapped, { delivery: one, keep: 'masked', program })).toEqual({ ...mapped, forgetBody: true });
  });

  it('is no body for a mapping that reads more than the one it was masked for', () => {
    const one = delivery({ type: 'paid', who: 'Ann', note: '' });
    const masked = { ...one, body: maskedBody(one, programOf('{"event": type}')) ?? new Uint8Array() };
    const reads = (text: string, from: typeof one = masked) => readsMasked(from, programOf(text));
    expect(reads('{"event": type, "properties": {"n": note, "w": $exists(who)}}')).toBe(false);
    expect(reads('{"event": type, "properties": {"who": who}}')).toBe(true);
    expect(reads('{"event": "x", "properties": $}')).toBe(true);
    expect(reads('{"event": "x", "properties": $}', one)).toBe(false);
  });

  it('takes the place of the body with `keep: masked` alone, and not where the mapping failed', () => {
    const one = delivery({ type: 'paid', who: 'Ann' });
    const mapped = { delivery: one, state: 'mapped', events: [], dead: [] } as const;
    const program = programOf('{"event": type}');
    const kept = bodyKept(mapped, { delivery: one, keep: 'masked', program });
    expect(Buffer.from(kept.maskedBody ?? []).toString()).toBe('{"type":"paid","who":"[masked]"}');
    expect(bodyKept(mapped, { delivery: one, keep: 'full', program })).toBe(mapped);
    const failed = { ...mapped, state: 'failed' } as const;
    expect(bodyKept(failed, { delivery: one, keep: 'masked', program })).toBe(failed);
  });
});

describe('the same mapping gives the same of a masked body', () => {
  const root = join(import.meta.dirname, '../../mappings');
  const folders = readdirSync(root, { withFileTypes: true }).filter((one) => one.isDirectory() && !/^_/.test(one.name));

  it.each(folders.map(({ name }) => name))('%s', async (name) => {
    const { cases, mappingText, sourceText } = await readFolder(root, name);
    const provider = /^provider: (\S+)/m.exec(sourceText ?? '')?.[1] ?? '';
    let hidden = 0;
    const tasks = cases.flatMap(({ payload, headers, query }) => {
      const one = { headers, query, provider, body: Buffer.from(payload) };
      const bytes = maskedBody(one, programOf(mappingText ?? ''));
      if (bytes === null) throw new Error('it is not masked');
      hidden +=
        Buffer.from(bytes)
          .toString()
          .split(/\[masked\]|%5Bmasked%5D/).length - 1;
      return [one, { ...one, body: bytes }].map((more) => ({
        ...task(mappingText ?? '', null, more),
        rehearsal: true,
      }));
    });
    const results = await runner.map(tasks);
    const outputs = results.map((result) => (result.ok ? result.outputs : result));
    expect(outputs.filter((_, index) => index % 2 === 1)).toEqual(outputs.filter((_, index) => index % 2 === 0));
    expect(hidden).toBeGreaterThan(0);
  });

  it.each([
    '{"event": $string(a.b), "properties": {"k": $keys(c), "n": $count(list), "first": list[0].name}}',
    '{"event": a.b ~> $uppercase(), "properties": {"t": $type(text), "e": empty ? 1 : 2, "x": text ? 1 : 2}}',
    '($pick := function($o, $k){ $lookup($o, $k) }; {"event": $pick(a, "b"), "properties": {"v": $pick(c, text)}})',
    '{"event": "x", "properties": {"s": $join($sort(list.name), ","), "d": $distinct(list.kind)}}',
    '{"event": "x", "properties": $merge([c, {"n": $reduce(list, function($m, $i){ $m & $i.name }, "")}])}',
    'list[kind = "k2"].{"event": name, "properties": {"c": $$.text}}',
    'list.($n := name; {"event": $n & kind})',
    '{"event": "x", "properties": {"s": $sift(c, function($v, $k){ $v != "" and $k != "c1" }), "p": $spread(a)[0].b}}',
    '{"event": list^(name)[0].name, "properties": {"g": list{kind: name}}}',
    '{"event": text.$substringBefore(" "), "properties": {"e": $exists(nothing), "z": $boolean(empty)}}',
    '{"event": "x", "properties": {"same": text = a.b, "less": text < a.b, "in": text in list.name}}',
    '($f := $map(?, function($v){ $v.name }); {"event": "x", "properties": {"l": $f(list)}})',
    '($both := $trim ~> $uppercase; {"event": $both(text)})',
    'c ~> |$|{"c1": $$.text}, "c2"| ~> function($o){ {"event": "x", "properties": $o} }',
    '{"event": "x", "properties": {"m": $match(text, /o+/).match, "r": *.c1, "deep": **.name}}',
  ])('%s', async (mapping) => {
    const body = JSON.stringify({
      a: { b: 'beta' },
      c: { c1: 'one', c2: 'two', c3: '' },
      list: [
        { name: 'n1', kind: 'k1', note: 'secret' },
        { name: 'n2', kind: 'k2', note: 'secret' },
      ],
      text: 'c2',
      empty: '',
      other: { note: 'secret' },
    });
    const bytes = maskedBody(delivery(null, { body: Buffer.from(body) }), programOf(mapping));
    if (bytes === null) throw new Error('it is not masked');
    const [plain, hidden] = await runner.map(
      [body, bytes].map((one) => task(mapping, null, { body: Buffer.from(one) })),
    );
    if (!plain?.ok) throw new Error(plain?.message);
    expect(hidden).toMatchObject({ ok: true, outputs: plain.outputs });
    expect(plain.outputs).not.toEqual([]);
    expect(Buffer.from(bytes).toString()).toContain('"other":{"note":"[masked]"}');
  });
});
