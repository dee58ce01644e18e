import { describe, expect, it } from 'vitest';
import { readsOf } from '../../src/mapping/reads.ts';

/** `a.b` with everything below, `a.b!` the text there alone; `$headers.x`; or why nobody can say. */
function reads(text: string): string[] | string {
  const told = readsOf(text);
  if (!told.known) return told.why;
  const from = (root: string, names: readonly string[] | null) =>
    (names ?? ['all of them']).map((name) => `$${root}.${name}`);
  return [
    ...told.body.map(({ names, below }) => names.join('.') + (below ? '' : '!')),
    ...from('headers', told.headers),
    ...from('query', told.query),
  ].sort();
}

describe('what a mapping reads', () => {
  it.each([
    ['{"event": type, "properties": {"a": data.object.amount}}', ['data.object.amount', 'type']],
    ['($o := data.object; $b := $o.billing; {"event": $b.kind})', ['data.object.billing.kind']],
    ['items[kind = "x"].{"event": name}', ['items.kind', 'items.name']],
    ['{"event": $headers."x-topic", "properties": {"q": $query.page}}', ['$headers.x-topic', '$query.page']],
    ['($h := $headers; {"event": $lookup($h, "x-topic")})', ['$headers.x-topic']],
    ['($f := function($x){ $x.a & $x.b }; $f(data.object))', ['data.object.a', 'data.object.b']],
    ['$map(items, function($i){ $i.name })', ['items.name']],
    ['items ~> $filter(function($i){ $i.kind = "x" }) ~> $map(function($i){ $i.name })', ['items.kind', 'items.name']],
    ['$sort(items, function($l, $r){ $l.rank > $r.rank }).name', ['items.name', 'items.rank!']],
    ['($x := a; b ? $x := c; {"event": $x.name})', ['a.name', 'c.name']],
    ['$append(a, b).name', ['a.name', 'b.name']],
    ['$merge([a, b]).name', ['a.name', 'b.name']],
    ['$each(prices, function($v, $k){ {"event": $k, "properties": {"p": $v.amount}} })', ['prices.*.amount']],
    ['*.name', ['*.name']],
    ['data.**.price', ['data.**.price']],
    ['items^(>rank).name', ['items.name', 'items.rank!']],
    ['items{kind: $sum(price)}', ['items.kind', 'items.price']],
    ['name.$uppercase()', ['name!']],
    ['($up := $uppercase; $up(name))', ['name']],
    ['($count := $string; {"event": $count(name)})', ['name']],
    ['data.$string()', ['data']],
    ['$lookup(data, kind)', ['data.*', 'kind']],
    ['$reduce(items, function($sum, $i){ $sum & $i.name })', ['items']],
    ['$f(a, b)', ['a', 'b']],
  ])('%s', (text, expected) => {
    // A function that takes the context reads the body itself only where that is a text.
    const told = reads(text);
    expect(Array.isArray(told) ? told.filter((one) => one !== '!') : told).toEqual(expected);
  });

  it('does not count what is only asked whether it is there', () => {
    const text = `{"event": "x", "properties": {"has": $exists(a), "n": $count(b), "k": $keys(c), "t": $type(d),
      "c": e ? 1 : 2, "o": f or g, "z": h != null, "s": i = "", "sum": j + 1}}`;
    expect(reads(text)).toEqual([]);
  });

  it('counts all that stands below a place that is given on as a whole', () => {
    expect(reads('{"event": type, "properties": data}')).toEqual(['data', 'type']);
  });

  it.each([
    ['{"event": "x", "properties": $}', 'takes the body as a whole'],
    ['{"event": $string($$)}', 'takes the body as a whole'],
    ['{"event": "x", "properties": {"all": **}}', 'takes the body as a whole'],
    ['items.{"event": %.type}', '`@` and `%`'],
    ['items@$i.{"event": $i.name}', '`@` and `%`'],
    ['($f := function($x){ $x.next ? $f($x.next) : $x }; {"event": $f(a).name})', 'calls itself'],
    ['function($x)<s-:s>{ $x }(a)', 'takes the context'],
    ['{"event": ', 'cannot be followed'],
  ])('says why it cannot be told: %s', (text, why) => {
    expect(readsOf(text)).toEqual({ known: false, why: expect.stringContaining(why) });
  });

  it('gives up on a mapping made to be followed for ever, and soon', () => {
    const doubled = Array.from({ length: 30 }, (_, n) => `$f${n + 1} := function($x){ $f${n}($x) & $f${n}($x) };`);
    const before = process.cpuUsage();
    const told = readsOf(`($f0 := function($x){ $x.a }; ${doubled.join(' ')} {"event": $f30(b)})`);
    const { user, system } = process.cpuUsage(before);
    expect(told.known).toBe(false);
    expect((user + system) / 1000).toBeLessThan(1_000);
  });
});
