/** The proof of a request in other spellings: another encoding, without its prefix. For finding out what a sender did wrong. */
import { Buffer } from 'node:buffer';
import type { Suspect } from './suspect.ts';
import { createVerifier } from './verifier.ts';

type Respelled = { readonly what: string; readonly headers: Readonly<Record<string, string>> };

/** What may be a signature within a header. */
const TOKEN = /[A-Za-z0-9+/_-]{20,}={0,2}/g;
const HEADER_CHARACTERS_MAX = 4_096;

const readers: readonly (readonly [string, (text: string) => Buffer | null])[] = [
  ['in hex', (text) => (/^(?:[0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text, 'hex') : null)],
  ['in base64', (text) => (/^[A-Za-z0-9+/]+=*$/.test(text) ? Buffer.from(text, 'base64') : null)],
  ['in base64url', (text) => (/^[A-Za-z0-9_-]+=*$/.test(text) ? Buffer.from(text, 'base64url') : null)],
  [
    'as the base64 of its hex',
    (text) => {
      const inner = Buffer.from(text, 'base64').toString('latin1');
      return /^(?:[0-9a-fA-F]{2})+$/.test(inner) ? Buffer.from(inner, 'hex') : null;
    },
  ],
];
const encodings = ['hex', 'base64', 'base64url'] as const;

export function* spelledOtherwise({ source, request, options, schemes }: Suspect): Generator<Respelled> {
  const { proofHeaders } = createVerifier(source, options);
  for (const name of proofHeaders) {
    const text = request.headers[name];
    if (text === undefined || text.length > HEADER_CHARACTERS_MAX) continue;
    const withText = (other: string) => ({ ...request.headers, [name]: other });
    yield { what: `the header ${name} has white space around it`, headers: withText(text.trim()) };
    for (const { signature, digests } of schemes) {
      const tag = signature.form === 'tagged' ? `${digests[0]?.tag},` : '';
      const prefix = signature.form === 'plain' ? (signature.prefix ?? '') : tag;
      if (prefix === '') continue;
      yield { what: `the header ${name} lacks \`${prefix}\``, headers: withText(prefix + text) };
      const other: string = /^\w{1,12}[=,]/.exec(text)?.[0] ?? '';
      const what = `the header ${name} begins with \`${other}\` where it should be \`${prefix}\``;
      if (other !== prefix) yield { what, headers: withText(prefix + text.slice(other.length)) };
    }
    for (const [form, read] of readers) {
      for (const encoding of encodings) {
        const respelled: string = text.replace(TOKEN, (token) => read(token)?.toString(encoding) ?? token);
        if (respelled === text) continue;
        const wanted = form === 'in hex' && encoding === 'hex' ? 'small letters' : encoding;
        const came = wanted === 'small letters' ? 'in capital letters' : form;
        yield { what: `it came ${came}; wanted is ${wanted}`, headers: withText(respelled) };
      }
    }
  }
}
