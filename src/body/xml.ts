/**
 * XML, read strictly in one pass that counts as it goes: what is not well-formed, too deep or too much is refused at
 * the place where it shows, before anything is built of the rest. There are no entities but the five of XML itself and
 * numbered characters, and a DTD is refused, so nothing expands and nothing is fetched.
 *
 * The shape, for a mapping: the root element is the one key of `$`. An element is a key without its prefix
 * (`soapenv:Envelope` is `Envelope`), repeated ones are an array. One with text only is that text, an empty one `""`,
 * any other an object: attributes as `@name` (`xsi:type` is `@type`), elements, and its own text as `#text`.
 * Declarations of namespaces are dropped. Text stays text (`007`, `true`), without the blanks around it that lay the
 * document out; CDATA and numbered characters stay exactly as they are.
 */
import { Buffer } from 'node:buffer';
import { decodeText } from './json.ts';
import { depthMax, valuesMax } from './json-scan.ts';
import { malformed, type Parsed } from './outcome.ts';
import { addRepeated } from './repeated.ts';
import {
  hasForbiddenCharacter,
  isBlank,
  localName,
  readDeclaration,
  readName,
  resolveReferences,
  skipBlanks,
  trailingBlanks,
} from './xml-text.ts';

type XmlNode = { [name: string]: XmlValue | XmlValue[] };
type XmlValue = string | XmlNode;

export function parseXml(bytes: Uint8Array): Parsed {
  const text = decodeText(withLineFeeds(bytes));
  if (text === null) return malformed('the body is not UTF-8');
  const document = new XmlDocument(text);
  const objection = document.read();
  if (objection === null) return { ok: true, value: document.value };
  return malformed(`the XML is refused in line ${lineOf(text, document.at)}: ${objection}`);
}

/** An element that is open. */
type Open = {
  readonly name: string;
  readonly local: string;
  node: XmlNode | null;
  text: string;
  /** Blanks at the end of `text` that are layout if nothing follows them. */
  layout: number;
};

const lessThan = '<';
const greaterThan = 0x3e;
const slash = 0x2f;
const equals = 0x3d;
const unclosed = 'a tag, comment, CDATA or instruction does not end';

/** Each method that reads returns what is wrong, or null and has moved on. */
class XmlDocument {
  /** Where reading is, or where it found something wrong. */
  at = 0;
  readonly #text: string;
  readonly #document: Open = { name: '', local: '', node: null, text: '', layout: 0 };
  /** The document first, the innermost element last. */
  readonly #open: Open[] = [this.#document];
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get value(): XmlValue {
    return this.#document.node ?? '';
  }

  read(): string | null {
    const text = this.#text;
    if (hasForbiddenCharacter(text)) return 'it holds characters that XML does not allow';
    const start = readDeclaration(text);
    if (typeof start === 'string') return start;
    this.at = start;
    while (this.at < text.length) {
      const found = text.indexOf(lessThan, this.at);
      const end = found === -1 ? text.length : found;
      const objection = this.#readText(end) ?? (end === text.length ? null : this.#readMarkup());
      if (objection !== null) return objection;
    }
    if (this.#open.length > 1) return 'an element is not closed';
    return this.#document.node === null ? 'there is no element' : null;
  }

  get #top(): Open {
    return this.#open.at(-1) as Open;
  }

  #readText(end: number): string | null {
    if (end === this.at) return null;
    const top = this.#top;
    const from = top.text === '' ? Math.min(skipBlanks(this.#text, this.at), end) : this.at;
    const raw = this.#text.slice(from, end);
    if (raw !== '' && top === this.#document) return 'there is text outside of the root element';
    if (raw.includes(']]>')) return 'its text holds ]]>';
    const resolved = resolveReferences(raw);
    if (resolved === null) return 'it holds an entity that XML itself does not have, or a lone &';
    const layout = trailingBlanks(raw);
    top.layout = layout === raw.length ? top.layout + layout : layout;
    top.text += resolved;
    this.at = end;
    return null;
  }

  #readMarkup(): string | null {
    const text = this.#text;
    switch (text[this.at + 1]) {
      case '/':
        return this.#readEnd();
      case '?':
        return this.#readInstruction();
      case '!':
        if (text.startsWith('<!--', this.at)) return this.#readComment();
        if (text.startsWith('<![CDATA[', this.at)) return this.#readCdata();
        return 'it holds a DTD, or a part of one';
      default:
        return this.#readStart();
    }
  }

  #readComment(): string | null {
    const end = this.#text.indexOf('--', this.at + 4);
    if (end === -1) return unclosed;
    if (this.#text.charCodeAt(end + 2) !== greaterThan) return 'a comment holds --';
    this.at = end + 3;
    return null;
  }

  #readCdata(): string | null {
    const top = this.#top;
    if (top === this.#document) return 'there is text outside of the root element';
    const end = this.#text.indexOf(']]>', this.at + 9);
    if (end === -1) return unclosed;
    top.text += this.#text.slice(this.at + 9, end);
    top.layout = 0;
    this.at = end + 3;
    return null;
  }

  #readInstruction(): string | null {
    const target = readName(this.#text, this.at + 2);
    if (target === '' || target.toLowerCase() === 'xml') return 'an instruction has no proper target';
    const after = this.at + 2 + target.length;
    const end = this.#text.indexOf('?>', after);
    if (end === -1) return unclosed;
    if (end > after && !isBlank(this.#text.charCodeAt(after))) return 'an instruction has no proper target';
    this.at = end + 2;
    return null;
  }

  #readStart(): string | null {
    const text = this.#text;
    const parent = this.#top;
    const name = readName(text, this.at + 1);
    const local = localName(name);
    if (local === null) return 'a tag has no proper name';
    if (parent === this.#document && parent.node !== null) return 'there is more than one root element';
    if (this.#open.length > depthMax) return `it is nested deeper than ${depthMax}`;
    if (++this.#values > valuesMax) return `it holds more than ${valuesMax} values`;
    const element: Open = { name, local, node: null, text: '', layout: 0 };
    this.at += 1 + name.length;
    const objection = this.#readAttributes(element);
    if (objection !== null) return objection;
    if (text.charCodeAt(this.at) === slash) {
      if (text.charCodeAt(this.at + 1) !== greaterThan) return 'a tag is not well-formed';
      this.at += 2;
      return this.#add(parent, element);
    }
    this.at += 1;
    this.#open.push(element);
    return null;
  }

  /** Stops at the `>` or `/` that ends the tag. */
  #readAttributes(element: Open): string | null {
    const text = this.#text;
    const names = new Set<string>();
    for (;;) {
      const next = skipBlanks(text, this.at);
      const spaced = next > this.at;
      this.at = next;
      const code = text.charCodeAt(next);
      if (code === greaterThan || code === slash) return null;
      if (Number.isNaN(code)) return unclosed;
      const name = readName(text, next);
      const local = localName(name);
      if (!spaced || local === null) return 'a tag is not well-formed';
      if (names.has(name)) return 'an attribute is repeated';
      if (++this.#values > valuesMax) return `it holds more than ${valuesMax} values`;
      names.add(name);
      this.at += name.length;
      const value = this.#readAttributeValue();
      if (value === null) return 'an attribute is not well-formed';
      if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
      element.node ??= {};
      addRepeated(element.node, `@${local}`, value);
    }
  }

  #readAttributeValue(): string | null {
    const text = this.#text;
    const sign = skipBlanks(text, this.at);
    if (text.charCodeAt(sign) !== equals) return null;
    const from = skipBlanks(text, sign + 1);
    const quote = text[from];
    if (quote !== '"' && quote !== "'") return null;
    const end = text.indexOf(quote, from + 1);
    if (end === -1) return null;
    const raw = text.slice(from + 1, end);
    if (raw.includes(lessThan)) return null;
    this.at = end + 1;
    return resolveReferences(withSpaces(raw));
  }

  #readEnd(): string | null {
    const text = this.#text;
    const { name } = this.#top;
    if (name === '' || !text.startsWith(name, this.at + 2)) return 'a closing tag closes nothing that is open';
    const end = skipBlanks(text, this.at + 2 + name.length);
    if (text.charCodeAt(end) !== greaterThan) return 'a closing tag closes nothing that is open';
    this.at = end + 1;
    const element = this.#open.pop() as Open;
    return this.#add(this.#top, element);
  }

  #add(parent: Open, { local, node, text, layout }: Open): string | null {
    const own = layout === 0 ? text : text.slice(0, text.length - layout);
    if (node !== null && own !== '') {
      if (++this.#values > valuesMax) return `it holds more than ${valuesMax} values`;
      node['#text'] = own;
    }
    parent.node ??= {};
    addRepeated(parent.node, local, node ?? own);
    return null;
  }
}

/** In attributes every blank is a space (https://www.w3.org/TR/xml/#AVNormalize). In bytes: a million replacements of text cost 50 ms. */
function withSpaces(text: string): string {
  if (!/[\t\n]/.test(text)) return text;
  return Buffer.from(text, 'utf8')
    .map((byte) => (byte === 0x09 || byte === 0x0a ? 0x20 : byte))
    .toString();
}

/** XML knows one end of a line (https://www.w3.org/TR/xml/#sec-line-ends). */
function withLineFeeds(bytes: Uint8Array): Uint8Array {
  const first = bytes.indexOf(0x0d);
  if (first === -1) return bytes;
  const plain = new Uint8Array(bytes.length);
  plain.set(bytes.subarray(0, first));
  let length = first;
  for (let at = first; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte !== 0x0d) plain[length++] = byte;
    else if (bytes[at + 1] !== 0x0a) plain[length++] = 0x0a;
  }
  return plain.subarray(0, length);
}

function lineOf(text: string, end: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
