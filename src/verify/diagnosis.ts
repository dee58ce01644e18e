/**
 * Why a request verifies or does not, step by step, in words for the operator. It says where things stand and whether they
 * fit, never what they are: no secret, no signature, neither the right one nor one that came.
 */
import { UsageError } from '../errors.ts';
import type { Source } from '../model.ts';
import { textAt } from './body-path.ts';
import type { RawRequest } from './contract.ts';
import { customProof } from './custom.ts';
import { described } from './described.ts';
import { urlBuilder } from './message.ts';
import type { Provider } from './provider.ts';
import { providers } from './registry.ts';
import type { ProofForm, SignedScheme } from './scheme.ts';
import { defaultToleranceMs } from './scheme.ts';
import { placeOfSignature, readSignature } from './signature-header.ts';
import { type Suspect, span, withoutQuery } from './suspect.ts';
import { type Cause, causesOf, secretCauses } from './suspicions.ts';
import { parseTime } from './timestamp.ts';
import { secretOf } from './verified.ts';
import { createVerifier, type VerifierOptions } from './verifier.ts';

export type Step = {
  readonly step: 'scheme' | 'proof' | 'signed' | 'secret' | 'clock';
  /** Null: it was not come so far. */
  readonly ok: boolean | null;
  readonly text: string;
};

export type Diagnosis = {
  readonly verified: boolean;
  /** Why not, as the log says it; null: verified. */
  readonly reason: string | null;
  readonly steps: readonly Step[];
  /** The likely ones first, each found by trying; what cannot be found by trying is told as a guess. */
  readonly causes: readonly Cause[];
};

/** `now`: when it came. Throws nothing: what is wrong with the source's own configuration is a cause like any other. */
export function diagnose(source: Source, request: RawRequest, now: number, options: VerifierOptions): Diagnosis {
  const provider = providers.get(source.provider);
  if (provider === undefined) return refused(`there is no provider ${source.provider}`);
  const proof = proofOf(source, provider);
  const schemes = proof?.kind === 'signature' ? proof.schemes : [];
  const time = signedTime(schemes, request);
  const suspect: Suspect = { source, provider, request, options, now, at: time?.at ?? now, schemes };
  let verdict: { readonly ok: boolean; readonly reason: string | null; readonly secret: number };
  try {
    verdict = verdictOf(suspect, now);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const mended = secretCauses(suspect);
    return { ...refused(error.problems.join('; ')), ...(mended.length > 0 ? { causes: mended } : {}) };
  }
  const fits = verdict.ok ? verdict : verdictOf(suspect, suspect.at);
  const described = describedProof(provider, proof);
  const steps: Step[] = [
    { step: 'scheme', ok: true, text: `${provider.label}: ${described.proof}` },
    proofStep(suspect, fits.ok),
    ...signedSteps(suspect, described.signed),
    secretStep(source, proof, fits),
    ...clockSteps(suspect, time, fits.ok),
  ];
  const causes = verdict.ok ? [] : causesOf(suspect, fits.ok);
  return { verified: verdict.ok, reason: verdict.reason, steps, causes };
}

function refused(reason: string): Diagnosis {
  const cause: Cause = { cause: reason, advice: 'Mend source.yaml; `trackrelay check` says where.', certain: true };
  return { verified: false, reason, steps: [], causes: [cause] };
}

function verdictOf({ source, request, options }: Suspect, now: number) {
  const verdict = createVerifier(source, options).check(request, now);
  if (verdict.ok) return { ok: true, reason: null, secret: secretOf(verdict.proof) };
  return { ok: false, reason: verdict.reason, secret: -1 };
}

function proofOf(source: Source, provider: Provider): ProofForm | null {
  if (provider.proof !== null || source.verify === null) return provider.proof;
  return customProof(source.verify, { problems: [], warnings: [] });
}

function describedProof(provider: Provider, proof: ProofForm | null) {
  return described({ ...provider, proof });
}

function proofStep({ source, request, options, schemes }: Suspect, fits: boolean): Step {
  const { proofHeaders, proofQuery } = createVerifier(source, options);
  const there = [
    ...proofHeaders.filter((name) => request.headers[name] !== undefined).map((name) => `the header ${name} is there`),
    ...proofQuery
      .filter((name) => Object.hasOwn(request.query, name))
      .map((name) => `the query field ${name} is there`),
  ];
  for (const { signature, timestamp } of schemes) {
    const timeField = timestamp !== null && 'field' in timestamp ? timestamp.field : null;
    const read = readSignature(signature, request, timeField);
    if (typeof read === 'string') return { step: 'proof', ok: false, text: read };
    if (read === null) continue;
    const count = read.values.length === 1 ? 'one signature' : `${read.values.length} signatures`;
    return { step: 'proof', ok: true, text: `${placeOfSignature(signature)} holds ${count}` };
  }
  if (there.length > 0) return { step: 'proof', ok: true, text: there.join(', ') };
  const inPath = request.pathKey === null ? 'no proof is there' : 'a key is at the end of the path';
  return { step: 'proof', ok: fits || request.pathKey !== null, text: inPath };
}

function signedSteps({ source, request, options }: Suspect, signed: string | null): Step[] {
  if (signed === null) return [{ step: 'signed', ok: null, text: 'nothing is signed: who has the secret is believed' }];
  const bytes = `a body of ${request.body.length.toLocaleString('en-US')} bytes, as they came`;
  const url = signed.includes('{url}')
    ? urlBuilder(source.name, source.url, options.publicUrl)?.(request.target)
    : null;
  const address = url === null || url === undefined ? '' : `, for the URL ${withoutQuery(url)}`;
  return [{ step: 'signed', ok: null, text: `${signed}, with ${bytes}${address}` }];
}

function secretStep(source: Source, proof: ProofForm | null, fits: { ok: boolean; secret: number }): Step {
  const count = source.secrets.length;
  if (proof?.kind === 'none') return { step: 'secret', ok: true, text: 'none is needed: anybody is believed' };
  if (fits.ok) {
    return { step: 'secret', ok: true, text: count > 1 ? `secret ${fits.secret + 1} of ${count} fits` : 'it fits' };
  }
  if (source.missing.length > 0) return { step: 'secret', ok: false, text: `${source.missing.join(', ')} is not set` };
  return { step: 'secret', ok: false, text: count > 1 ? `none of the ${count} secrets fits` : 'it does not fit' };
}

type SignedTime = { readonly at: number; readonly place: string; readonly toleranceMs: number };

function signedTime(schemes: readonly SignedScheme[], request: RawRequest): SignedTime | null {
  for (const { signature, timestamp } of schemes) {
    if (timestamp === null) continue;
    const field = 'field' in timestamp ? timestamp.field : null;
    const read = readSignature(signature, request, field);
    if (read === null || typeof read === 'string') continue;
    const text =
      'header' in timestamp
        ? request.headers[timestamp.header]
        : 'path' in timestamp
          ? textAt(request.parsed(), timestamp.path)
          : read.timestamp;
    const at = parseTime(text ?? '', timestamp.unit);
    const place = 'header' in timestamp ? `the header ${timestamp.header}` : `${field ?? 'the time'} of the signature`;
    if (at !== null) return { at, place, toleranceMs: timestamp.toleranceMs ?? defaultToleranceMs };
  }
  return null;
}

/** How far the clocks are apart is told though nobody is believed yet: the time is no secret. */
function clockSteps({ source, now, schemes }: Suspect, time: SignedTime | null, fits: boolean): Step[] {
  if (time === null) {
    const timed = schemes.some(({ timestamp }) => timestamp !== null);
    return timed ? [{ step: 'clock', ok: false, text: 'the signed time is missing, or no time' }] : [];
  }
  const offMs = now - time.at;
  const toleranceMs = source.toleranceMs ?? time.toleranceMs;
  const inside = Math.abs(offMs) <= toleranceMs;
  const side = offMs >= 0 ? 'before' : 'after';
  const off = `${span(Math.abs(offMs))} ${side} it came; ${span(toleranceMs)} either way are allowed`;
  const when = new Date(time.at).toISOString().slice(0, 19);
  return [{ step: 'clock', ok: fits || !inside ? inside : null, text: `${time.place} says ${when}Z, ${off}` }];
}
