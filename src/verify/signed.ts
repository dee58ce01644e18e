/**
 * The engine for signatures: reads the header, builds the signed text, compares every signature with every key and
 * only then looks at the clock (a forger never learns whether a time would have been right).
 */

import { UsageError } from '../errors.ts';
import type { Checker, Preparation } from './checker.ts';
import type { RawRequest, Signature, UnsignedRequest } from './contract.ts';
import { decodeSignature, type Key, prepareKeys } from './keys.ts';
import { type MessageBuilder, messageBuilder } from './message.ts';
import { defaultToleranceMs, type SignedScheme } from './scheme.ts';
import { readSignatureHeader, type SignatureValue, writeSignatureHeader } from './signature-header.ts';
import { formatTime, outsideWindow, parseTime } from './timestamp.ts';

/** One scheme with its keys. */
type Lane = {
  readonly scheme: SignedScheme;
  readonly keys: readonly Key[];
  readonly message: MessageBuilder;
  readonly timeField: string | null;
  readonly toleranceMs: number;
};

export function prepareSigned(schemes: readonly SignedScheme[], preparation: Preparation): Checker {
  const lanes = schemes.map((scheme, index) => prepareLane(scheme, preparation, index === 0));
  const headers = lanes.map((lane) => lane.scheme.signature.header);
  const missing = `the header ${headers.join(' or ')} is missing`;
  return {
    check(request, now) {
      for (const lane of lanes) {
        const text = request.headers[lane.scheme.signature.header];
        if (text !== undefined) return checkLane(lane, text, request, now);
      }
      return missing;
    },
    sign: (request, now) => sign(lanes, request, now),
    proofHeaders: [...new Set(headers)],
    proofQuery: [],
  };
}

function prepareLane(scheme: SignedScheme, preparation: Preparation, first: boolean): Lane {
  const { timestamp } = scheme;
  const keyProblems: string[] = [];
  const keys = prepareKeys(scheme.digests, preparation.secrets, keyProblems);
  // Further schemes of a provider take the same secrets: say what is wrong with one once.
  if (first) preparation.problems.push(...keyProblems);
  if (preparation.urlOf === null && scheme.message.some((part) => 'url' in part) && first) {
    preparation.problems.push('the URL is part of what is signed: set `url` in source.yaml or RELAY_PUBLIC_URL');
  }
  if (first && preparation.toleranceMs !== null && timestamp === null) {
    preparation.warnings.push('`tolerance` has no effect: this provider signs no time');
  }
  return {
    scheme,
    keys,
    message: messageBuilder(scheme.message, preparation.urlOf ?? (() => '')),
    timeField: timestamp !== null && 'field' in timestamp ? timestamp.field : null,
    toleranceMs: preparation.toleranceMs ?? timestamp?.toleranceMs ?? defaultToleranceMs,
  };
}

function checkLane(lane: Lane, text: string, request: RawRequest, now: number): string | null {
  const { signature, timestamp } = lane.scheme;
  const header = readSignatureHeader(signature, text, lane.timeField);
  if (typeof header === 'string') return header;
  let time: number | null = null;
  let timeText: string | null = null;
  if (timestamp !== null) {
    timeText = 'field' in timestamp ? header.timestamp : (request.headers[timestamp.header] ?? null);
    const where = 'field' in timestamp ? `field ${timestamp.field}` : `header ${timestamp.header}`;
    if (timeText === null) return `the ${where} is missing`;
    time = parseTime(timeText, timestamp.unit);
    if (time === null) return `the ${where} is no time in ${timestamp.unit}`;
  }
  const message = lane.message(request, timeText);
  if (typeof message === 'string') return message;
  let matched = false;
  for (const key of lane.keys) {
    const candidates = candidatesOf(header.values, key);
    if (candidates.length > 0) matched = key.matches(message, candidates) || matched;
  }
  if (!matched) return noMatch(lane, header.values);
  return time === null ? null : outsideWindow(time, now, lane.toleranceMs);
}

function candidatesOf(values: readonly SignatureValue[], key: Key): Uint8Array[] {
  const candidates: Uint8Array[] = [];
  for (const value of values) {
    if (value.tag !== (key.digest.tag ?? null)) continue;
    const bytes = decodeSignature(value.text, key.digest);
    if (bytes !== null) candidates.push(bytes);
  }
  return candidates;
}

/** Why, in words that help to mend it: the cause is nearly always the secret, a changed body or the wrong form. */
function noMatch(lane: Lane, values: readonly SignatureValue[]): string {
  const readable = lane.keys.some((key) => candidatesOf(values, key).length > 0);
  const { header } = lane.scheme.signature;
  if (readable) {
    const secrets = lane.keys.length === 1 ? 'the secret' : `any of the ${lane.keys.length} secrets`;
    return `no signature in the header ${header} fits ${secrets}: another secret, or the body was changed on the way`;
  }
  const forms = new Set(
    lane.keys.map(({ digest }) => `${digest.tag ? `${digest.tag} of ` : ''}${digest.algorithm} in ${digest.encoding}`),
  );
  return `the header ${header} holds no signature of the kind our secrets make (${[...forms].join(', ')})`;
}

function sign(lanes: readonly Lane[], request: UnsignedRequest, now: number): Signature {
  const given = (lane: Lane) =>
    lane.scheme.message.every(
      (part) => !('header' in part) || request.headers[part.header] !== undefined || isTime(lane, part.header),
    );
  const lane = lanes.find(given) ?? (lanes[0] as Lane);
  const { timestamp, signature } = lane.scheme;
  const timeText = timestamp === null ? null : formatTime(now, timestamp.unit);
  const headers: Record<string, string> = {};
  if (timestamp !== null && timeText !== null && 'header' in timestamp) headers[timestamp.header] = timeText;
  const message = lane.message({ ...request, headers: { ...request.headers, ...headers } }, timeText);
  if (typeof message === 'string') throw new UsageError([`cannot sign: ${message}`]);
  const time = lane.timeField !== null && timeText !== null ? { field: lane.timeField, text: timeText } : null;
  for (const key of lane.keys) {
    const text = key.sign(message);
    if (text === null) continue;
    headers[signature.header] = writeSignatureHeader(signature, key.digest.tag, text, time);
    return { target: request.target, headers };
  }
  throw new UsageError(['cannot sign: the secrets are public keys, which only verify']);
}

function isTime(lane: Lane, header: string): boolean {
  const { timestamp } = lane.scheme;
  return timestamp !== null && 'header' in timestamp && timestamp.header === header;
}
