/**
 * YAML text into plain values, with the place of every key and value, and `${NAME}` filled in. What a source file has
 * no use for is refused instead of bounded: anchors and aliases, tags, keys that are no text, several documents.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';

export type Place = { readonly line: number; readonly column: number };
export type Complaint = Place & { readonly message: string };

export type YamlTree = {
  readonly value: unknown;
  readonly complaints: readonly Complaint[];
  /** Names of variables that are not set. */
  readonly missing: readonly string[];
  /** Paths (joined with dots) whose text holds such a variable: their values mean nothing. */
  readonly unfilled: ReadonlySet<string>;
  /** Paths whose text holds any variable. */
  readonly filled: ReadonlySet<string>;
  placeOf(path: readonly PropertyKey[]): Place;
  placeOfKey(path: readonly PropertyKey[]): Place;
};

export type YamlOptions = {
  readonly lookup: (variable: string) => string | undefined;
  /** Paths whose text is taken as it stands. */
  readonly verbatim: ReadonlySet<string>;
};

/** A source file of every key there is takes 3 KB. */
const TEXT_BYTES_MAX = 65_536;
/** `verify.hmac.timestamp.header` is the deepest place there is. */
const DEPTH_MAX = 8;
const START: Place = { line: 1, column: 1 };

/** The parser's own words can repeat a piece of the text, so it is given others. */
const sentences: Readonly<Record<string, string>> = {
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BAD_SCALAR_START: 'a value that begins with @, ` or another special character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'the indentation does not fit: a key stands inside the value of another',
  DUPLICATE_KEY: 'this key stands here twice',
  MISSING_CHAR: 'a quote, bracket or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a colon or a quote is missing before here',
  MULTIPLE_DOCS: 'only one document may be in the file: remove the line ---',
  RESOURCE_EXHAUSTION: 'this is nested too deep',
  TAB_AS_INDENT: 'tabs may not indent: use blanks',
  TAG_RESOLVE_FAILED: 'tags (!…) are not read',
};

export function readYaml(text: string, options: YamlOptions): YamlTree {
  const reader = new TreeReader(options);
  return reader.read(text);
}

class TreeReader {
  readonly #options: YamlOptions;
  readonly #counter = new LineCounter();
  readonly #complaints: Complaint[] = [];
  readonly #missing = new Set<string>();
  readonly #unfilled = new Set<string>();
  readonly #filled = new Set<string>();
  readonly #values = new Map<string, Place>();
  readonly #keys = new Map<string, Place>();

  constructor(options: YamlOptions) {
    this.#options = options;
  }

  read(text: string): YamlTree {
    let value: unknown;
    if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
      this.#complaints.push({ ...START, message: 'the file is larger than 64 KiB' });
    } else {
      const document = parseDocument(text, { lineCounter: this.#counter, prettyErrors: false, logLevel: 'error' });
      // One is enough where one mistake makes the parser trip many times.
      for (const error of [...document.errors, ...document.warnings].slice(0, 3)) {
        this.#complain(error.pos[0], sentences[error.code] ?? 'this is not YAML');
      }
      if (this.#complaints.length === 0) value = this.#valueOf(document.contents, []);
    }
    return {
      value,
      complaints: this.#complaints,
      missing: [...this.#missing],
      unfilled: this.#unfilled,
      filled: this.#filled,
      placeOf: (path) => nearestPlace(this.#values, path),
      placeOfKey: (path) => this.#keys.get(path.join('.')) ?? nearestPlace(this.#values, path),
    };
  }

  #complain(offset: number | undefined, message: string): void {
    this.#complaints.push({ ...this.#place(offset), message });
  }

  #place(offset: number | undefined): Place {
    const { line, col } = this.#counter.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #valueOf(node: Node | null, path: readonly string[]): unknown {
    const offset = node?.range?.[0];
    if (offset !== undefined) this.#values.set(path.join('.'), this.#place(offset));
    if (node === null) return null;
    if (isAlias(node) || (node as { anchor?: string }).anchor !== undefined) {
      this.#complain(offset, 'anchors and aliases (& and *) are not read: write it out, or put the text in quotes');
      return undefined;
    }
    if (path.length > DEPTH_MAX) {
      this.#complain(offset, 'this is nested too deep');
      return undefined;
    }
    if (isScalar(node)) return typeof node.value === 'string' ? this.#fill(node.value, path, offset) : node.value;
    if (isSeq(node)) return node.items.map((item, index) => this.#valueOf(item as Node | null, [...path, `${index}`]));
    return isMap(node) ? this.#mapOf(node.items as { key: Node; value: Node | null }[], path) : undefined;
  }

  #mapOf(items: readonly { key: Node; value: Node | null }[], path: readonly string[]): Record<string, unknown> {
    // Without a prototype, so that a key __proto__ is a key like others.
    const map: Record<string, unknown> = Object.create(null);
    for (const { key, value } of items) {
      const name = isScalar(key) ? key.value : undefined;
      if (typeof name !== 'string' || (key as { anchor?: string }).anchor !== undefined) {
        this.#complain(key?.range?.[0], 'keys must be plain words');
        continue;
      }
      const keyPath = [...path, name];
      const place = this.#place(key.range?.[0]);
      this.#keys.set(keyPath.join('.'), place);
      // An empty value has no place of its own.
      this.#values.set(keyPath.join('.'), place);
      map[name] = this.#valueOf(value, keyPath);
    }
    return map;
  }

  /** Once, from left to right: what a variable holds is not searched again. */
  #fill(text: string, path: readonly string[], offset: number | undefined): string {
    const at = path.join('.');
    if (this.#options.verbatim.has(at)) return text;
    return text.replace(/\$\{([^}]*)\}?/g, (whole, name: string) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || !whole.endsWith('}')) {
        this.#complain(offset, `\${…} must hold the name of an environment variable, like \${STRIPE_WEBHOOK_SECRET}`);
        return '';
      }
      this.#filled.add(at);
      const value = this.#options.lookup(name);
      if (value !== undefined) return value;
      this.#missing.add(name);
      this.#unfilled.add(at);
      return whole;
    });
  }
}

/** Of what is not there, the nearest thing around it. */
function nearestPlace(places: ReadonlyMap<string, Place>, path: readonly PropertyKey[]): Place {
  for (let length = path.length; length >= 0; length--) {
    const place = places.get(path.slice(0, length).join('.'));
    if (place) return place;
  }
  return START;
}
