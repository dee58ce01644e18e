/** The small grammar of XML 1.0: names, references, blanks, and what the declaration may say. */

/** https://www.w3.org/TR/xml/#NT-NameStartChar, colon included. */
const nameStart =
  ':A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D\\u2070-\\u218F' +
  '\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}';
const nameAt = new RegExp(`[${nameStart}][${nameStart}\\-.0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040]*`, 'uy');

/** The name that stands at this place; empty when there is none. */
export function readName(text: string, at: number): string {
  nameAt.lastIndex = at;
  return nameAt.exec(text)?.[0] ?? '';
}

/** `Id` of `sf:Id`. Null for a name that is a prefix only, or one no object should have. */
export function localName(name: string): string | null {
  const local = name.slice(name.lastIndexOf(':') + 1);
  return local === '' || local === '__proto__' ? null : local;
}

export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
}

export function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** How many blanks the text ends in. */
export function trailingBlanks(text: string): number {
  let at = text.length;
  while (at > 0 && isBlank(text.charCodeAt(at - 1))) at--;
  return text.length - at;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that XML does not allow.
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** https://www.w3.org/TR/xml/#NT-Char; what was UTF-8 holds no lone surrogate. */
export function hasForbiddenCharacter(text: string): boolean {
  return forbidden.test(text);
}

const predefined: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);
/** `#x0010FFFF`, with more zeros in front than anybody writes. */
const REFERENCE_MAX = 10;

/** The text with its references replaced, once: what they stand for is never read again. Null: one stands for nothing. */
export function resolveReferences(text: string): string | null {
  let resolved = '';
  let from = 0;
  for (let at = text.indexOf('&'); at !== -1; at = text.indexOf('&', from)) {
    const end = text.indexOf(';', at);
    if (end === -1 || end - at - 1 > REFERENCE_MAX) return null;
    const name = text.slice(at + 1, end);
    const character = predefined.get(name) ?? numberedCharacter(name);
    if (character === null) return null;
    resolved += text.slice(from, at) + character;
    from = end + 1;
  }
  return from === 0 ? text : resolved + text.slice(from);
}

function numberedCharacter(name: string): string | null {
  if (!/^#(?:[0-9]+|x[0-9a-fA-F]+)$/.test(name)) return null;
  const code = Number(name[1] === 'x' ? `0${name.slice(1)}` : name.slice(1));
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null;
  const character = String.fromCodePoint(code);
  return hasForbiddenCharacter(character) ? null : character;
}

const declaration =
  /^<\?xml\s+version\s*=\s*(?:"1\.\d+"|'1\.\d+')(?:\s+encoding\s*=\s*(?:"([\w.-]+)"|'([\w.-]+)'))?(?:\s+standalone\s*=\s*(?:"(?:yes|no)"|'(?:yes|no)'))?\s*\?>$/;
/** The longest sensible one has about 60 characters. */
const DECLARATION_MAX = 200;

/** Where the document goes on after its declaration, 0 when it has none; a text says what is wrong with it. */
export function readDeclaration(text: string): number | string {
  if (!/^<\?xml[\s?]/.test(text)) return 0;
  const end = text.indexOf('?>') + 2;
  const match = end > 1 && end <= DECLARATION_MAX ? declaration.exec(text.slice(0, end)) : null;
  if (match === null) return 'its declaration is not well-formed';
  const encoding = (match[1] ?? match[2] ?? 'utf-8').toLowerCase();
  return encoding === 'utf-8' || encoding === 'us-ascii' ? end : 'it is declared in another encoding than UTF-8';
}
