/** Paths through a parsed body that came from outside: own properties only, and text or nothing at the end. */

/** `data.object.id`; a number names an element of a list. */
export function valueAt(value: unknown, path: string): unknown {
  let here = value;
  for (const name of path.split('.')) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

/** A text that is not empty, or a number in its digits; null: neither. */
export function textAt(value: unknown, path: string): string | null {
  const found = valueAt(value, path);
  // A number past 2^53 was rounded by the parse: two ids could look the same, so it is none.
  if (typeof found === 'number') return Number.isSafeInteger(found) ? String(found) : null;
  return typeof found === 'string' && found !== '' ? found : null;
}

/** A batch that anybody sends has a few hundred elements; what is beyond is not looked at. */
export const elementsMax = 1_000;

/** The elements a path leads to, lists on the way taken apart (`entry.changes`); the empty path is the body itself. */
export function elementsAt(value: unknown, path: string): readonly unknown[] {
  let here: readonly unknown[] = flat([value]);
  for (const name of path === '' ? [] : path.split('.')) {
    here = flat(here.map((one) => valueAt(one, name)).filter((one) => one !== undefined));
  }
  return here;
}

function flat(values: readonly unknown[]): readonly unknown[] {
  const all: unknown[] = [];
  for (const value of values) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (all.length === elementsMax) return all;
      all.push(one);
    }
  }
  return all;
}

/** A copy with another value at the path; whether text or number stays as it was. null: there is no such place. */
export function withTextAt(value: unknown, path: string, text: string): unknown {
  const copy: unknown = structuredClone(value);
  const names = path.split('.');
  const last = names.pop() as string;
  const holder = names.length === 0 ? copy : valueAt(copy, names.join('.'));
  if (typeof holder !== 'object' || holder === null) return null;
  const fields = holder as Record<string, unknown>;
  fields[last] = typeof fields[last] === 'number' ? Number(text) : text;
  return copy;
}
