/**
 * The engine for signatures: finds the signature, builds the signed text, compares every signature with every key and
 * only then looks at the clock (a forger never learns whether a time would have been right).
 */
import { Buffer } from 'node:buffer';
import { UsageError } from '../errors.ts';
import { textAt, withTextAt } from './body-path.ts';
import { type Checked, type Checker, failed, type Preparation, passed } from './checker.ts';
import type { RawRequest, Signature, UnsignedRequest } from './contract.ts';
import { decodeSignature, type Key, prepareKeys } from './keys.ts';
import { type MessageBuilder, messageBuilder, urlMissing } from './message.ts';
import { defaultToleranceMs, type SignedScheme, type TimestampForm, toleranceWithoutTime } from './scheme.ts';
import {
  placeOfSignature,
  readSignature,
  type SignatureHeader,
  type SignatureValue,
  signatureHeaders,
  writeSignatureHeader,
} from './signature-header.ts';
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
  const places = lanes.map((lane) => placeOfSignature(lane.scheme.signature));
  const missing = failed(`${places.join(' or ')} is missing`);
  return {
    check(request, now) {
      for (const lane of lanes) {
        const read = readSignature(lane.scheme.signature, request, lane.timeField);
        if (typeof read === 'string') return failed(read);
        if (read !== null) return checkLane(lane, read, request, now);
      }
      return missing;
    },
    sign: (request, now) => sign(lanes, request, now),
    proofHeaders: [...new Set(lanes.flatMap((lane) => signatureHeaders(lane.scheme.signature)))],
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
    preparation.problems.push(urlMissing);
  }
  if (first && preparation.toleranceMs !== null && timestamp === null) {
    preparation.warnings.push(toleranceWithoutTime);
  }
  return {
    scheme,
    keys,
    message: messageBuilder(scheme.message, preparation.urlOf ?? (() => '')),
    timeField: timestamp !== null && 'field' in timestamp ? timestamp.field : null,
    toleranceMs: preparation.toleranceMs ?? timestamp?.toleranceMs ?? defaultToleranceMs,
  };
}

function checkLane(lane: Lane, signature: SignatureHeader, request: RawRequest, now: number): Checked {
  const { timestamp } = lane.scheme;
  let time: number | null = null;
  let timeText: string | null = null;
  if (timestamp !== null) {
    timeText = timeTextOf(timestamp, signature, request);
    if (timeText === null) return failed(`the ${placeOfTime(timestamp)} is missing`);
    time = parseTime(timeText, timestamp.unit);
    if (time === null) return failed(`the ${placeOfTime(timestamp)} is no time in ${timestamp.unit}`);
  }
  const message = lane.message(request, timeText);
  if (typeof message === 'string') return failed(message);
  let secret = -1;
  for (const key of lane.keys) {
    const candidates = candidatesOf(signature.values, key);
    if (candidates.length > 0 && key.matches(message, candidates)) secret = key.secret;
  }
  if (secret === -1) return failed(noMatch(lane, signature.values));
  const outside = time === null ? null : outsideWindow(time, now, lane.toleranceMs);
  return outside === null ? passed(secret) : failed(outside);
}

function timeTextOf(timestamp: TimestampForm, signature: SignatureHeader, request: RawRequest): string | null {
  if ('field' in timestamp) return signature.timestamp;
  return 'header' in timestamp ? (request.headers[timestamp.header] ?? null) : textAt(request.parsed(), timestamp.path);
}

function placeOfTime(timestamp: TimestampForm): string {
  if ('field' in timestamp) return `field ${timestamp.field}`;
  return 'header' in timestamp ? `header ${timestamp.header}` : `body's ${timestamp.path}`;
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
  const place = placeOfSignature(lane.scheme.signature);
  if (readable) {
    const secrets = lane.keys.length === 1 ? 'the secret' : `any of the ${lane.keys.length} secrets`;
    return `no signature in ${place} fits ${secrets}: another secret, or the body was changed on the way`;
  }
  const forms = new Set(
    lane.keys.map(({ digest }) => `${digest.tag ? `${digest.tag} of ` : ''}${digest.algorithm} in ${digest.encoding}`),
  );
  return `${place} holds no signature of the kind our secrets make (${[...forms].join(', ')})`;
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
  let { body } = request;
  if (timestamp !== null && timeText !== null) {
    if ('header' in timestamp) headers[timestamp.header] = timeText;
    if ('path' in timestamp) body = rewritten(body, timestamp.path, timeText);
  }
  const parsed = () => parsedJson(body);
  const message = lane.message({ ...request, body, parsed, headers: { ...request.headers, ...headers } }, timeText);
  if (typeof message === 'string') throw new UsageError([`cannot sign: ${message}`]);
  const time = lane.timeField !== null && timeText !== null ? { field: lane.timeField, text: timeText } : null;
  for (const key of lane.keys) {
    const text = key.sign(message);
    if (text === null) continue;
    if (signature.form === 'body') body = rewritten(body, signature.path, text);
    else if (signature.form === 'headers') headers[signature.headers[0] as string] = text;
    else headers[signature.header] = writeSignatureHeader(signature, key.digest.tag, text, time);
    return { target: request.target, headers, ...(body === request.body ? {} : { body }) };
  }
  throw new UsageError(['cannot sign: the secrets are public keys, which only verify']);
}

function isTime(lane: Lane, header: string): boolean {
  const { timestamp } = lane.scheme;
  return timestamp !== null && 'header' in timestamp && timestamp.header === header;
}

function rewritten(body: Uint8Array, path: string, text: string): Uint8Array {
  const copy = withTextAt(parsedJson(body), path, text);
  if (copy === null) throw new UsageError([`cannot sign: the body is no JSON with a place for ${path}`]);
  return Buffer.from(JSON.stringify(copy));
}

function parsedJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
