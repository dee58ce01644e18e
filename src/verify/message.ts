/**
 * The signed text, built by putting bytes after bytes. No template with replacements: a body that holds `$&` or `$1`
 * would be rewritten by it, and a body that is not UTF-8 would be changed by becoming a string.
 */
import { Buffer } from 'node:buffer';
import { textAt } from './body-path.ts';
import type { RawRequest, UnsignedRequest } from './contract.ts';
import type { Chunks } from './keys.ts';
import type { Part } from './scheme.ts';

/** Header text as it came over the wire: Node reads each byte as one character. Anything wider never was a header. */
const wide = /[\u0100-\uffff]/;

/** Builds the signed text of a request; a string instead says why there is none. */
export type MessageBuilder = (
  request: UnsignedRequest & Pick<RawRequest, 'parsed'>,
  timestamp: string | null,
) => Chunks | string;

export function messageBuilder(parts: readonly Part[], urlOf: (target: string) => string): MessageBuilder {
  const steps = parts.map((part) => ('literal' in part ? { literal: oneBytePerCharacter(part.literal) } : part));
  return (request, timestamp) => {
    const chunks: (string | Uint8Array)[] = [];
    let text = '';
    for (const part of steps) {
      if ('body' in part) {
        if (text !== '') chunks.push(text);
        text = '';
        chunks.push(request.body);
      } else if ('literal' in part) text += part.literal;
      else if ('timestamp' in part) text += timestamp ?? '';
      else if ('method' in part) text += request.method;
      else if ('url' in part) text += oneBytePerCharacter(urlOf(request.target));
      else if ('path' in part) {
        const value = textAt(request.parsed(), part.path);
        if (value === null) return `${part.path} is missing in the body`;
        text += oneBytePerCharacter(value);
      } else {
        const value = request.headers[part.header];
        if (value === undefined) return `the header ${part.header} is missing`;
        if (wide.test(value) || (part.without !== undefined && holdsAny(value, part.without))) {
          return `the header ${part.header} holds characters that may not stand in it`;
        }
        text += value;
      }
    }
    if (text !== '' || chunks.length === 0) chunks.push(text);
    return chunks;
  };
}

/**
 * The URL a provider signs: the configured one, else the relay's public address of the source. A configured query stands
 * as it is; without one the request's own is appended (Twilio adds the hash of a JSON body to what was registered). Never from Host or X-Forwarded headers: who sends those may choose them. null: not known.
 */
export function urlBuilder(
  source: string,
  url: string | null,
  publicUrl: string | null,
): ((target: string) => string) | null {
  if (url?.includes('?')) return () => url;
  if (url === null && publicUrl === null) return null;
  const address = url ?? `${publicUrl?.replace(/\/+$/, '')}/hooks/${source}`;
  return (target) => {
    const query = target.indexOf('?');
    return query === -1 ? address : address + target.slice(query);
  };
}

export const urlMissing = 'the URL is part of what is signed: set `url` in source.yaml or RELAY_PUBLIC_URL';

/** As the bytes of its UTF-8. */
export function oneBytePerCharacter(text: string): string {
  return /[\u0080-\uffff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function holdsAny(text: string, characters: string): boolean {
  for (const character of characters) if (text.includes(character)) return true;
  return false;
}
