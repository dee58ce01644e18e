/** JSON text of what will be sent. JSON.stringify writes a lone surrogate as an escape, which Mixpanel refuses as invalid UTF-8. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  // Text that merely looks like such an escape takes the slow way too and comes out unchanged.
  return text.includes('\\ud') ? JSON.stringify(wellFormed(value)) : text;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]));
}

export function typeNameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
