/**
 * Makes a source's verifier: looks up its provider, prepares the keys, and says at once everything that is wrong with
 * the configuration. What it makes neither throws nor waits while webhooks come in.
 */
import { hash } from 'node:crypto';
import { newId } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Source } from '../model.ts';
import { type Checker, failed, type Preparation } from './checker.ts';
import type {
  Handshake,
  Identity,
  Proof,
  RawRequest,
  UnsignedRequest,
  Verdict,
  Verifier,
  WebhookView,
} from './contract.ts';
import { customProof } from './custom.ts';
import { locateKey, locateType } from './locate.ts';
import { urlBuilder } from './message.ts';
import type { HandshakeContext, Place, Provider } from './provider.ts';
import { reachable } from './reach.ts';
import { providers } from './registry.ts';
import type { RemoteTexts } from './remote-texts.ts';
import { type ProofForm, toleranceWithoutTime } from './scheme.ts';
import { prepareSharedSecret } from './shared-secret.ts';
import { prepareSigned } from './signed.ts';
import { proofMaker, secretOf } from './verified.ts';

/** Each secret is a digest per request; a rotation has two or three. */
const secretsMax = 16;

export type VerifierOptions = {
  /** RELAY_PUBLIC_URL; null when it is not set. */
  readonly publicUrl: string | null;
  /** Keys that providers publish; absent: there are none, and what needs one is refused. */
  readonly remote?: Pick<RemoteTexts, 'get'>;
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
    fields: fieldsOf(provider, source),
    urlOf: urlBuilder(source.name, source.url, options.publicUrl),
    toleranceMs: source.toleranceMs,
    remote: options.remote ?? { get: () => null },
    problems: [],
    warnings: [],
  };
  const proof = proofOf(provider, source, preparation);
  const awaits = awaitsSecret(provider, source);
  if (proof !== null && awaits === null) checkSecrets(proof, provider, source, preparation);
  if (preparation.toleranceMs !== null && !(preparation.toleranceMs > 0)) {
    preparation.problems.push('`tolerance` must be longer than nothing');
  }
  const closedFor = awaits ?? (source.missing.length > 0 ? `${source.missing.join(', ')} is not set` : null);
  if (awaits !== null) preparation.warnings.push(awaits);
  const checker = proof === null || closedFor !== null ? closed(source, `${closedFor}`) : prepare(proof, preparation);
  if (preparation.problems.length > 0) {
    throw new UsageError(preparation.problems.map((problem) => `${source.name}: ${problem}`));
  }
  return assemble({ source, provider, proof, checker, preparation, awaits });
}

/** Every field the provider declares, so that its own code need not ask whether it is there. */
function fieldsOf(provider: Provider, source: Source): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries((provider.fields ?? []).map(({ name }) => [name, source.fields[name] ?? []]));
}

function awaitsSecret(provider: Provider, source: Source): string | null {
  if (provider.secretFrom !== 'learned' || source.secrets.length > 0 || source.missing.length > 0) return null;
  return `no secret yet: \`trackrelay arm ${source.name}\`, then create the webhook at ${provider.label}`;
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

function checkSecrets(proof: ProofForm, provider: Provider, source: Source, { problems, warnings }: Preparation): void {
  if (proof.kind === 'none' || provider.secretFrom === 'none' || source.missing.length > 0) return;
  if (source.secrets.length === 0) problems.push('a `secret` is missing');
  if (source.secrets.length > secretsMax) problems.push(`more than ${secretsMax} secrets`);
  if (source.secrets.some((secret) => secret === '') && proof.kind !== 'signature')
    problems.push('a `secret` is empty');
  if (source.secrets.some((secret) => secret !== secret.trim())) {
    warnings.push('a secret begins or ends with white space, which is part of it');
  }
}

function prepare(proof: ProofForm, preparation: Preparation): Checker {
  if (proof.kind === 'own') {
    if (proof.toleranceMs === null && preparation.toleranceMs !== null) preparation.warnings.push(toleranceWithoutTime);
    return proof.prepare(preparation);
  }
  return proof.kind === 'signature'
    ? prepareSigned(proof.schemes, preparation)
    : prepareSharedSecret(proof, preparation);
}

function closed(source: Source, why: string): Checker {
  const reason = `the source is closed: ${why}`;
  return {
    check: () => failed(reason),
    sign: () => {
      throw new UsageError([`${source.name}: cannot sign: ${reason}`]);
    },
    proofHeaders: [],
    proofQuery: [],
  };
}

type Parts = {
  readonly source: Source;
  readonly provider: Provider;
  readonly proof: ProofForm | null;
  readonly checker: Checker;
  readonly preparation: Preparation;
  readonly awaits: string | null;
};

function assemble({ source, provider, proof, checker, preparation, awaits }: Parts): Verifier {
  const makeProof = proofMaker(source.name, checker.proofHeaders, checker.proofQuery);
  const contextOf = (secret: number): HandshakeContext => ({
    secret: source.secrets[secret] ?? '',
    fields: preparation.fields,
  });
  const first = contextOf(0);
  return {
    source: source.name,
    provider: provider.name,
    methods: ['POST', ...(provider.methods ?? [])],
    handshakeMethods: provider.handshakeMethods ?? [],
    bodyForm: provider.body ?? {},
    awaitsSecret: awaits,
    refusal: provider.refusal ?? null,
    challenge: proof?.kind === 'basic' ? `Basic realm="${source.name}", charset="UTF-8"` : null,
    warnings: preparation.warnings,
    answer: provider.answer ?? null,
    proofHeaders: checker.proofHeaders,
    proofQuery: checker.proofQuery,
    handshakeUnsigned: (request) => provider.handshakeUnsigned?.(request, first) ?? null,
    check: (request, now) => verdictOf(checker, provider, makeProof, request, now),
    identify: (view, request, made) =>
      identify(source, provider, { view, request, context: contextOf(secretOf(made)) }),
    sign: (request, now) => sign(provider, checker, request, now),
  };
}

function verdictOf(
  checker: Checker,
  provider: Provider,
  makeProof: (secret: number) => Proof,
  request: RawRequest,
  now: number,
): Verdict {
  const checked = checker.check(request, now);
  if (checked.ok) return { ok: true, proof: makeProof(checked.secret) };
  if (checked.wants === undefined || reachable(provider, checked.wants)) return checked;
  return { ok: false, reason: `${checked.wants} is not where ${provider.label} keeps its keys` };
}

type Seen = { readonly view: WebhookView; readonly request: RawRequest; readonly context: HandshakeContext };

function identify(source: Source, provider: Provider, { view, request, context }: Seen): Identity {
  const sameBytes = source.deliveryId === 'body';
  return {
    key: sameBytes ? `sha256:${hash('sha256', request.body, 'hex')}` : locateKey(provider, view, request),
    type: locateType(provider, view, request),
    handshake: onTheList(provider, provider.handshake?.(view, context) ?? null),
    answer: provider.answerTo?.(view) ?? provider.answer ?? null,
  };
}

/** Whatever a provider's code says, nothing is called that its list does not name. */
function onTheList(provider: Provider, handshake: Handshake | null): Handshake | null {
  if (handshake?.confirm === undefined || reachable(provider, handshake.confirm)) return handshake;
  const { confirm, ...answer } = handshake;
  return { ...answer, note: `it waits: only a person should open ${confirm.slice(0, 400)}` };
}

/** A provider that names its webhooks in a header would not send one without: a request that has none gets a new one. */
function sign(provider: Provider, checker: Checker, request: UnsignedRequest, now: number) {
  const places = provider.deliveryId.map((alternative) => alternative[0]).filter(isHeader);
  const first = places[0];
  const named = first === undefined || places.some(({ header }) => request.headers[header] !== undefined);
  const id: Record<string, string> = named ? {} : { [first.header]: newId('msg', now) };
  const signature = checker.sign({ ...request, headers: { ...request.headers, ...id } }, now);
  return { ...signature, headers: { ...id, ...signature.headers } };
}

function isHeader(place: Place | undefined): place is Extract<Place, { header: string }> {
  return place !== undefined && 'header' in place;
}
