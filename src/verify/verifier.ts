/**
 * Makes a source's verifier: looks up its provider, prepares the keys, and says at once everything that is wrong with
 * the configuration. What it makes neither throws nor waits while webhooks come in.
 */
import { hash } from 'node:crypto';
import { newId } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Source } from '../model.ts';
import type { Checker, Preparation } from './checker.ts';
import type { Identity, RawRequest, UnsignedRequest, Verifier, WebhookView } from './contract.ts';
import { customProof } from './custom.ts';
import { locateKey, locateType } from './locate.ts';
import { urlBuilder } from './message.ts';
import type { Place, Provider } from './provider.ts';
import { providers } from './registry.ts';
import type { ProofForm } from './scheme.ts';
import { prepareSharedSecret } from './shared-secret.ts';
import { prepareSigned } from './signed.ts';
import { proofMaker } from './verified.ts';

/** Each secret is a digest per request; a rotation has two or three. */
const secretsMax = 16;

export type VerifierOptions = {
  /** RELAY_PUBLIC_URL; null when it is not set. */
  readonly publicUrl: string | null;
};

/** Throws UsageError with every problem of this source at once. A closed source gets a verifier that refuses all. */
export function createVerifier(source: Source, options: VerifierOptions): Verifier {
  const provider = providers.get(source.provider);
  if (provider === undefined) {
    throw new UsageError([
      `${source.name}: there is no provider "${source.provider}"; \`trackrelay providers\` lists them`,
    ]);
  }
  const preparation: Preparation = {
    secrets: source.secrets,
    urlOf: urlBuilder(source.name, source.url, options.publicUrl),
    toleranceMs: source.toleranceMs,
    problems: [],
    warnings: [],
  };
  const proof = proofOf(provider, source, preparation);
  if (proof !== null) checkSecrets(proof, source, preparation);
  if (preparation.toleranceMs !== null && !(preparation.toleranceMs > 0)) {
    preparation.problems.push('`tolerance` must be longer than nothing');
  }
  const checker = proof === null || source.missing.length > 0 ? closed(source) : prepare(proof, preparation);
  if (preparation.problems.length > 0) {
    throw new UsageError(preparation.problems.map((problem) => `${source.name}: ${problem}`));
  }
  return assemble(source, provider, checker, preparation.warnings);
}

function proofOf(provider: Provider, source: Source, preparation: Preparation): ProofForm | null {
  const { problems } = preparation;
  if (provider.proof !== null) {
    if (source.verify !== null) problems.push('`verify` goes only with `provider: custom`');
    if (source.deliveryId !== null) problems.push('`delivery_id` goes only with `provider: custom`');
    return provider.proof;
  }
  if (source.verify !== null) return customProof(source.verify, preparation);
  problems.push('`provider: custom` needs a `verify` block: one of hmac, token, basic, path_key, none');
  return null;
}

function checkSecrets(proof: ProofForm, source: Source, { problems, warnings }: Preparation): void {
  if (proof.kind === 'none' || source.missing.length > 0) return;
  if (source.secrets.length === 0) problems.push('a `secret` is missing');
  if (source.secrets.length > secretsMax) problems.push(`more than ${secretsMax} secrets`);
  if (source.secrets.some((secret) => secret === '') && proof.kind !== 'signature')
    problems.push('a `secret` is empty');
  if (source.secrets.some((secret) => secret !== secret.trim())) {
    warnings.push('a secret begins or ends with white space, which is part of it');
  }
}

function prepare(proof: ProofForm, preparation: Preparation): Checker {
  return proof.kind === 'signature'
    ? prepareSigned(proof.schemes, preparation)
    : prepareSharedSecret(proof, preparation);
}

function closed(source: Source): Checker {
  const reason = `the source is closed: ${source.missing.join(', ')} is not set`;
  return {
    check: () => reason,
    sign: () => {
      throw new UsageError([`${source.name}: cannot sign: ${reason}`]);
    },
    proofHeaders: [],
    proofQuery: [],
  };
}

function assemble(source: Source, provider: Provider, checker: Checker, warnings: readonly string[]): Verifier {
  const makeProof = proofMaker(source.name, checker.proofHeaders, checker.proofQuery);
  const answer = provider.answer ?? null;
  return {
    source: source.name,
    provider: provider.name,
    methods: provider.methods ?? [],
    warnings,
    answer,
    proofHeaders: checker.proofHeaders,
    proofQuery: checker.proofQuery,
    handshakeUnsigned: (request) => provider.handshakeUnsigned?.(request) ?? null,
    check(request, now) {
      const reason = checker.check(request, now);
      return reason === null ? { ok: true, proof: makeProof() } : { ok: false, reason };
    },
    identify: (view, request) => identify(source, provider, view, request),
    sign: (request, now) => sign(provider, checker, request, now),
  };
}

function identify(source: Source, provider: Provider, view: WebhookView, request: RawRequest): Identity {
  const sameBytes = source.deliveryId === 'body';
  return {
    key: sameBytes ? `sha256:${hash('sha256', request.body, 'hex')}` : locateKey(provider.deliveryId, view),
    type: locateType(provider.eventType, view),
    handshake: provider.handshake?.(view) ?? null,
    answer: provider.answerTo?.(view) ?? provider.answer ?? null,
  };
}

/** A provider that names its webhooks in a header would not send one without: a request that has none gets a new one. */
function sign(provider: Provider, checker: Checker, request: UnsignedRequest, now: number) {
  const places = provider.deliveryId.map((alternative) => alternative[0]).filter(isHeader);
  const first = places[0];
  const named = first === undefined || places.some(({ header }) => request.headers[header] !== undefined);
  const id: Record<string, string> = named ? {} : { [first.header]: newId('msg', now) };
  const signature = checker.sign({ ...request, headers: { ...request.headers, ...id } }, now);
  return { target: signature.target, headers: { ...id, ...signature.headers } };
}

function isHeader(place: Place | undefined): place is Extract<Place, { header: string }> {
  return place !== undefined && 'header' in place;
}
