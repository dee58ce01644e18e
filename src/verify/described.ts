/** A provider in words, for `trackrelay providers`, README and docs/providers.md: everything comes from its data. */
import type { Locator, Place, Provider } from './provider.ts';
import { defaultToleranceMs, type Part, type ProofForm, type SignedScheme } from './scheme.ts';
import { placeOfSignature } from './signature-header.ts';

export type Described = {
  readonly name: string;
  readonly label: string;
  readonly confidence: Provider['confidence'];
  readonly docs: string;
  /** What to paste as the secret. */
  readonly secret: string;
  /** Where to paste the relay's URL. */
  readonly register: string;
  /** Where the secret comes from; `handshake`: unless source.yaml has one. */
  readonly secret_from: 'source.yaml' | 'handshake' | 'none';
  /** Whether the registered URL is part of what is signed. */
  readonly url_signed: boolean;
  readonly fields: readonly { readonly name: string; readonly required: boolean; readonly what: string }[];
  /** `HMAC-SHA256 in the header x-…`. */
  readonly proof: string;
  /** `{timestamp}.{body}`; null: the content is not signed. */
  readonly signed: string | null;
  /** Window around the signed time, in seconds both ways; null: no time is signed. */
  readonly tolerance_seconds: number | null;
  readonly rotation: string;
  readonly delivery_id: string | null;
  readonly event_type: string | null;
  readonly event_time: string | null;
  /** Path to the elements of a batch; null: no batches. */
  readonly batch: string | null;
  readonly methods: readonly string[];
  readonly handshake: string | null;
  /** Status and body of an accepted webhook where the provider insists; null: 200 and the relay's own. */
  readonly answer: string | null;
};

const meaningOf: Record<Provider['confidence'], string> = {
  documented: 'documented: the vendor describes the scheme, or shows a signed example',
  'vendor-sdk': "vendor-sdk: read from, or checked against, the vendor's own library",
  unconfirmed: 'unconfirmed: from other sources; look at the first webhooks closely',
};

export function confidenceInWords({ confidence }: Pick<Provider, 'confidence'>): string {
  return meaningOf[confidence];
}

export function described(provider: Provider): Described {
  const { name, label, confidence, docs, secret, register, proof } = provider;
  return {
    ...{ name, label, confidence, docs, secret, register },
    secret_from: secretFromOf(provider),
    url_signed: signedOf(proof)?.includes('{url}') ?? false,
    fields: (provider.fields ?? []).map(({ name: field, required, what }) => ({ name: field, required, what })),
    proof: proofOf(proof),
    signed: signedOf(proof),
    tolerance_seconds: toleranceOf(proof),
    rotation: provider.rotation ?? rotationOf(provider),
    delivery_id: placesOf(provider.deliveryId),
    event_type: provider.typeOf ? 'by what the body holds' : placesOf(provider.eventType),
    event_time: provider.eventTime && `${provider.eventTime.at} (${provider.eventTime.form})`,
    batch: provider.batch === undefined ? null : provider.batch === '' ? 'the body' : provider.batch,
    methods: ['POST', ...(provider.methods ?? [])],
    handshake: provider.handshakes ?? null,
    answer: answerOf(provider),
  };
}

function secretFromOf({ secretFrom }: Provider): Described['secret_from'] {
  if (secretFrom === undefined) return 'source.yaml';
  return secretFrom === 'learned' ? 'handshake' : 'none';
}

function rotationOf({ secretFrom }: Provider): string {
  if (secretFrom === 'none') return 'no secret, nothing to change';
  if (secretFrom === 'learned') return '`trackrelay arm SOURCE --forget`, then create the webhook again';
  return 'put the new one beside the old one in `secrets` until the vendor uses it';
}

function answerOf({ answer, answerTo }: Provider): string | null {
  if (answer === undefined) return answerTo ? 'depends on the webhook' : null;
  return `${answer.status}, ${answer.body === '' ? 'empty' : (answer.headers['content-type'] ?? 'text')}`;
}

const proofs: Readonly<Record<Exclude<ProofForm['kind'], 'signature' | 'own' | 'token'>, string>> = {
  bearer: 'bearer token (header authorization, or access_token in the query)',
  authorization: 'header authorization: the secret, as a bearer token, or Basic',
  basic: 'Basic (user:password)',
  path_key: 'key at the end of the path',
  none: 'nothing',
};

function proofOf(proof: ProofForm | null): string {
  if (proof === null) return 'as source.yaml says';
  switch (proof.kind) {
    case 'signature': {
      const texts = proof.schemes.map((one) => `${algorithmsOf(one)} in ${placeOfSignature(one.signature)}`);
      return [...new Set(texts)].join(' or ');
    }
    case 'own':
      return proof.proof;
    case 'token':
      return 'header' in proof ? `token in the header ${proof.header}` : `token in the query field ${proof.query}`;
    default:
      return proofs[proof.kind];
  }
}

function algorithmsOf({ digests }: SignedScheme): string {
  const names = digests.map(({ algorithm }) =>
    algorithm === 'ed25519'
      ? 'Ed25519'
      : algorithm === 'ecdsa-p256'
        ? 'ECDSA P-256'
        : `HMAC-${algorithm.toUpperCase()}`,
  );
  return [...new Set(names)].join('/');
}

/** As a custom source would write it. */
function signedOf(proof: ProofForm | null): string | null {
  if (proof?.kind === 'own') return proof.signed;
  if (proof?.kind !== 'signature') return null;
  const texts = proof.schemes.map(({ message }) => message.map(partText).join(''));
  return [...new Set(texts)].join('  or  ');
}

function partText(part: Part): string {
  if ('literal' in part) return part.literal;
  if ('header' in part) return `{header:${part.header}}`;
  return 'path' in part ? `{body:${part.path}}` : `{${Object.keys(part)[0]}}`;
}

function toleranceOf(proof: ProofForm | null): number | null {
  if (proof?.kind === 'own') return proof.toleranceMs === null ? null : proof.toleranceMs / 1000;
  if (proof?.kind !== 'signature') return null;
  const timestamp = proof.schemes[0]?.timestamp ?? null;
  return timestamp === null ? null : (timestamp.toleranceMs ?? defaultToleranceMs) / 1000;
}

function placesOf(locator: Locator): string | null {
  const texts = locator.map((places) => places.map(placeText).join(' and '));
  return texts.length === 0 ? null : texts.join(', or ');
}

function placeText(place: Place): string {
  if ('header' in place) return `header ${place.header}`;
  if ('content' in place) return 'the SHA-256 of query and body';
  if ('each' in place) return `${place.each.join(', ')} of every element`;
  if ('query' in place) return `query ${place.query}`;
  if (!('item' in place)) return `body ${place.body}`;
  return `${place.item} of each ${place.of === undefined ? 'element' : `of ${place.of}`}`;
}
