/** What Twilio signs of a request: the URL in one of its spellings, and the form, or the hash of any other body. */
import { hash } from 'node:crypto';
import { parse, stringify } from 'node:querystring';
import type { UnsignedRequest } from './contract.ts';
import { formFields, sortedFormText } from './form-fields.ts';
import { sameText } from './key-match.ts';
import { oneBytePerCharacter } from './message.ts';

type Content = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

/** What is signed after the URL. A body that is neither signed nor hashed is none of Twilio's. */
export function contentOf(request: Pick<UnsignedRequest, 'headers' | 'body'>, url: string): Content {
  const hashes = hashesOf(url);
  if (hashes.length > 0) {
    const same = sameText(hash('sha256', request.body, 'hex'), hashes[0] as string);
    return same && hashes.length === 1
      ? { ok: true, text: '' }
      : { ok: false, reason: 'bodySHA256 is not of this body' };
  }
  if (request.body.length === 0) return { ok: true, text: '' };
  const fields = formFields(request);
  if (fields !== null) return { ok: true, text: oneBytePerCharacter(sortedFormText(fields)) };
  return { ok: false, reason: 'the body is no form that can be read, and bodySHA256 is missing in the query' };
}

export function hashesOf(url: string): readonly string[] {
  const at = url.indexOf('?');
  return at === -1 ? [] : new URLSearchParams(url.slice(at + 1)).getAll('bodySHA256');
}

const urlParts = /^(https?:\/\/)([^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)(:\d+)?(.*)$/is;

export function spellingsOf(url: string): readonly string[] {
  const [, scheme = '', user = '', host = '', port = '', rest = ''] = urlParts.exec(url) ?? [];
  if (scheme === '') return [url];
  const usual = scheme.toLowerCase() === 'https://' ? ':443' : ':80';
  const urls = ['', port || usual].map((one) => scheme + user + host + one + rest);
  return [...new Set([...urls, ...urls.map(asOlderLibraries)])];
}

function asOlderLibraries(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? url : `${url.slice(0, at)}?${stringify(parse(url.slice(at + 1)))}`;
}
