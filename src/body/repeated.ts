/** Names that come more than once, in forms and in XML: their values are an array, in the order of sending. */

/** `T` is never an array itself, so that an array says repetition and nothing else. */
export function addRepeated<T extends string | object>(to: Record<string, T | T[]>, name: string, value: T): void {
  const known = Object.hasOwn(to, name) ? to[name] : undefined;
  if (known === undefined) to[name] = value;
  else if (Array.isArray(known)) known.push(value);
  else to[name] = [known, value];
}
