/** What is kept of a body once it was mapped (`keep` of source.yaml), decided where the delivery's state is: one transaction. */
import type { MappedDelivery } from '../buffer/contract.ts';
import type { Delivery, Source } from '../model.ts';
import { providers } from '../verify/registry.ts';
import { maskBody } from './mask-body.ts';
import { maskedText } from './mask-json.ts';
import type { Program } from './program.ts';
import { type Reads, readsOf } from './reads.ts';

type Mapping = {
  readonly delivery: Pick<Delivery, 'provider' | 'headers' | 'body'>;
  readonly keep: Source['keep'];
  /** The one that mapped it. */
  readonly program: Program | null;
};

/** As many as there may be sources, and what they were a while ago. */
const REVISIONS_MAX = 2_000;
const known = new Map<string, Reads>();

/** Parsed once for each revision; a mapping of 32 KB takes some 10 ms. */
export function readsOfProgram({ revision, text }: Program): Reads {
  const before = known.get(revision);
  if (before !== undefined) return before;
  if (known.size >= REVISIONS_MAX) known.clear();
  const reads = readsOf(text);
  known.set(revision, reads);
  return reads;
}

/** What failed keeps its body: a mended mapping will want it. */
export function bodyKept(mapped: MappedDelivery, { delivery, keep, program }: Mapping): MappedDelivery {
  if (keep === 'full' || mapped.state === 'failed') return mapped;
  const masked = keep === 'masked' && program !== null ? maskedBody(delivery, program) : null;
  return masked === null ? { ...mapped, forgetBody: true } : { ...mapped, maskedBody: masked };
}

/** Null: it cannot be masked so that the mapping still gives the same of it. */
export function maskedBody(delivery: Mapping['delivery'], program: Program): Uint8Array | null {
  return maskBody(maskable(delivery), readsOfProgram(program));
}

/**
 * A body was kept masked by what an earlier mapping read, and this one reads more: of it, it would make events that never
 * happened.
 */
export function readsMasked(delivery: Mapping['delivery'], program: Program): boolean {
  if (!holdsMask(delivery.body)) return false;
  // What it reads is all that then is left as it is.
  const left = maskBody(maskable(delivery), readsOfProgram(program), '');
  return left === null || holdsMask(left);
}

function holdsMask(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  return bytes.includes(maskedText) || bytes.includes(encodeURIComponent(maskedText));
}

function maskable({ provider, headers, body }: Mapping['delivery']) {
  return { body, contentType: headers['content-type'], form: providers.get(provider)?.body ?? {} };
}
