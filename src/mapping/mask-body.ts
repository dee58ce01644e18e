/**
 * `keep: masked`: a body in which every text is replaced but for those its mapping reads. Names, numbers, true, false, null and
 * empty texts stay, so that the same mapping gives the same events of it.
 *
 *   JSON (also as text/plain), JSON lines   token by token: what is not replaced stays byte for byte as it came
 *   forms                                   field by field; a `payload=` of JSON, or a field the provider names, inside too
 *   XML, multipart, what cannot be read     nothing is kept, as with `keep: none`
 */
import type { BodyForm } from '../model.ts';
import { JsonMasker, maskedText } from './mask-json.ts';
import { type Branch, branchesOf, isKept, under } from './mask-paths.ts';
import type { Reads } from './reads.ts';

export type MaskableBody = {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly form: BodyForm;
};

/** Null: it cannot be kept masked. `instead`: what stands in the place of texts. */
export function maskBody(
  { body, contentType, form }: MaskableBody,
  reads: Reads,
  instead = maskedText,
): Uint8Array | null {
  if (!reads.known) return null;
  if (body.length === 0) return body;
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const keep = branchesOf(reads.body);
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8');
  const masked =
    type === 'application/x-www-form-urlencoded'
      ? maskForm(text, keep, form, instead)
      : /xml|multipart/.test(type)
        ? null
        : new JsonMasker(text, instead).masked(keep, form.lines === true || /(ndjson|jsonl|jsonlines)$/.test(type));
  // Not a Buffer: those share their memory, and this one goes to another thread.
  return masked === null ? null : new TextEncoder().encode(masked);
}

function maskForm(text: string, keep: readonly Branch[], { unwrap }: BodyForm, instead: string): string | null {
  if (unwrap?.as === 'base64-xml') return null;
  const pieces = text.split('&').map((piece) => {
    const [[name = '', value = ''] = []] = new URLSearchParams(`&${piece}`);
    return { piece, name, value };
  });
  const named = pieces.filter(({ name }) => name !== '');
  const inner =
    unwrap?.field ?? (named.length === 1 && /^\uFEFF?[ \n\r\t]*[[{]/.test(named[0]?.value ?? '') ? 'payload' : null);
  const masked = pieces.map(({ piece, name, value }) => {
    if (value === '') return piece;
    const written = piece.slice(0, piece.indexOf('=') + 1);
    if (name === inner) {
      const json = new JsonMasker(value, instead).masked(keep);
      return json === null ? null : written + encodeURIComponent(json);
    }
    const isRead = unwrap === undefined && (keep.some(({ below }) => below) || isKept(under(keep, name)));
    return isRead ? piece : written + encodeURIComponent(instead);
  });
  return masked.includes(null) ? null : masked.join('&');
}
