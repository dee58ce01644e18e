/** Mappings that nobody would write, from a seed: every form that JSONata has, nested at will. */

export const randomBody = {
  ...{ a: { b: 'x1', c: { b: 'x2', d: ['x3', 'x4', ''] } }, t: 'p', e: '', n: 2, z: null },
  l: [
    { a: 'x5', n: 1, k: 'p' },
    { a: 'x6', n: 2, k: 'q', l: [{ a: 'x7' }] },
    { a: '', n: 3, k: 'p' },
  ],
  ...{ m: [['x8', { a: 'x9' }], []], o: { p: 'x10', q: 'x11', a: 'x12' } },
};

const names = [...Object.keys(randomBody), 'b', 'c', 'd', 'k', 'p', 'q'];
const ofOne =
  'exists count string keys type not boolean reverse distinct spread merge length uppercase sum append lookup join trim number clone zip single'.split(
    ' ',
  );
const ofContext = 'uppercase string length keys exists trim substring contains split'.split(' ');

/** Numbers below `bound` from a seed (mulberry32). */
export function dice(seed: number): (bound: number) => number {
  let state = seed | 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export function randomMapping(roll: (bound: number) => number, depth: number): string {
  const one = (list: readonly string[]) => list[roll(list.length)] as string;
  const name = () => one(names);
  if (depth <= 0) return one([name(), name(), '$', '$$', '"p"', '1', '$v', '$w', 'null']);
  const f = () => randomMapping(roll, depth - 1);
  const path = () => [one([name(), name(), '$', '$$', '$v']), ...Array.from({ length: roll(3) }, name)].join('.');
  const lambda = (parameters: string) => `function(${parameters}){ ${f()} }`;
  const forms: readonly (() => string)[] = [
    () => `${f()}.${name()}`,
    path,
    () => `${path()}[${f()}]`,
    () => `(${f()}).(${f()})`,
    () => `${path()}.{ "x": ${f()} }`,
    () => `[${f()}, ${f()}]`,
    () => `{ "y": ${f()}, "w": ${f()} }`,
    () => `(${f()} ? ${f()} : ${f()})`,
    () => `(${f()} ${one(['=', '&', 'in', 'and', '<', '?:', '??'])} ${f()})`,
    () => `(${f()} ${one(['!= null', '= ""'])})`,
    () => `($v := ${f()}; $w := ${f()}; ${f()})`,
    () => `(${f()} ? $v := ${f()}; ${f()})`,
    () => `$${one(['map', 'filter', 'sift', 'each', 'reduce', 'sort'])}(${f()}, ${lambda('$v, $w')})`,
    () => `($f := ${lambda('$v')}; $f(${f()}))`,
    () => `($f := ${lambda('$v')}; ${path()}.$f($))`,
    () => `$${one(ofOne)}(${f()})`,
    () => `$${one(['append', 'lookup', 'zip'])}(${f()}, ${f()})`,
    () => `$lookup(${f()}, "${name()}")`,
    () => `$merge([${f()}, ${f()}])`,
    () => `${path()}.$${one(ofContext)}(${one(['', '1', '"x"'])})`,
    () => `(${f()} ~> $${one(['uppercase()', 'string', 'count', 'reverse', `append(${f()})`])})`,
    () => `(${f()} ~> ${lambda('$v')})`,
    () => `${path()}^(${f()})`,
    () => `${path()}{ $string(${f()}): ${f()} }`,
    () => one(['*', '**']),
    () => `${one([path(), '*', '**'])}.${one(['*', '**', name()])}`,
    () => `$spread(${f()}).${name()}`,
    () => `(${path()} ~> |${name()}|{ "a": ${f()} }|)`,
    () => `($g := $map(?, ${lambda('$v')}); $g(${f()}))`,
    () => `($h := ${lambda('$v')} ~> ${lambda('$w')}; $h(${f()}))`,
    () => `${path()}#$v.{ "i": $v, "x": ${f()} }`,
    () => `($count := ${lambda('$v')}; $count(${f()}))`,
    () => `($x := ${f()} ? ${lambda('$v')} : ${one([lambda('$v'), '$string'])}; $x(${f()}))`,
    () => `($x := $${one(['uppercase', 'string', 'keys', 'exists'])}; $x(${f()}))`,
  ];
  return (forms[roll(forms.length)] as () => string)();
}
