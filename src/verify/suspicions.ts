/**
 * What is usually wrong when a webhook does not verify, each tried out: the request is checked again as if that were not so.
 * What fits then was it. Only who has the secrets may ask; the texts hold neither them nor any signature.
 */
import { Buffer } from 'node:buffer';
import { gunzipSync, inflateSync } from 'node:zlib';
import { UsageError } from '../errors.ts';
import type { Source } from '../model.ts';
import type { RawRequest } from './contract.ts';

import { spelledOtherwise } from './other-spellings.ts';
import type { Provider } from './provider.ts';
import { providers } from './registry.ts';
import { type Suspect, span, withoutQuery } from './suspect.ts';
import { createVerifier } from './verifier.ts';

export type Cause = {
  readonly cause: string;
  readonly advice: string;
  /** True: it was tried, and with this mended the request verifies. */
  readonly certain: boolean;
};

type Tried = { readonly source?: Partial<Source>; readonly request?: Partial<RawRequest>; readonly now?: number };

/** `fits`: everything but the time is right. */
export function causesOf(suspect: Suspect, fits: boolean): readonly Cause[] {
  const { source, now, at } = suspect;
  if (source.missing.length > 0) {
    const names = source.missing.join(', ');
    return [{ cause: `${names} is not set`, advice: `Set it where the relay runs, and send SIGHUP.`, certain: true }];
  }
  if (fits) return [clock(now, at)];
  const found = [
    ...secretCauses(suspect),
    ...encodingCauses(suspect),
    ...placeCauses(suspect),
    ...bodyCauses(suspect),
    ...urlCauses(suspect),
    ...providerCauses(suspect),
  ];
  const certain = found.filter((one) => one.certain);
  return certain.length > 0 ? certain : [...found, ...guesses(suspect)];
}

function clock(now: number, at: number): Cause {
  const cause = `the signature is right, but its time is ${span(Math.abs(now - at))} ${at < now ? 'old' : 'ahead'}`;
  const advice =
    at < now
      ? 'A webhook that was saved, or is sent again by hand, is old by itself. If it just came: set the clock of this machine (NTP), or `tolerance` in source.yaml.'
      : 'Set the clock of this machine (NTP): it is behind.';
  return { cause, advice, certain: true };
}

/** Whether it would verify with this changed, at its own time. */
function fitsWith({ source, request, options, at }: Suspect, { now, ...changed }: Tried): boolean {
  try {
    const verifier = createVerifier({ ...source, ...changed.source }, options);
    return verifier.check({ ...request, ...changed.request }, now ?? at).ok;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** Also where the secrets are of no form that the provider has. */
export function secretCauses(suspect: Suspect): Cause[] {
  const { secrets, name } = suspect.source;
  const changes: readonly (readonly [string, (secret: string) => string])[] = [
    ['white space around the secret', (secret) => secret.trim()],
    ['quotes around the secret', (secret) => secret.trim().replace(/^(["'])(.*)\1$/s, '$2')],
    [
      'a prefix (`whsec_`, `sha256=`, `Bearer `) in front of the secret',
      (secret) => secret.replace(/^(\w{2,12}[_=]|Bearer )/, ''),
    ],
    ['the prefix `whsec_` that is missing in front of the secret', (secret) => `whsec_${secret}`],
    ['the secret in base64, though its text is the key', (secret) => Buffer.from(secret, 'base64').toString('utf8')],
  ];
  for (const [what, change] of changes) {
    const changed = secrets.map(change);
    if (changed.every((secret, index) => secret === secrets[index])) continue;
    if (!fitsWith(suspect, { source: { secrets: changed } })) continue;
    return [
      { cause: `it is ${what}`, advice: `Mend the secret of ${name}, in the environment or its file.`, certain: true },
    ];
  }
  return [];
}

function encodingCauses(suspect: Suspect): Cause[] {
  for (const { what, headers } of spelledOtherwise(suspect)) {
    if (!fitsWith(suspect, { request: { headers } })) continue;
    const cause = `the signature is right, but ${what}`;
    const advice = 'Mend it where it is signed; a custom source says its own encoding and prefix in `verify.hmac`.';
    return [{ cause, advice, certain: true }];
  }
  return [];
}

/** A token that is shown elsewhere than where it is looked for. */
function placeCauses(suspect: Suspect): Cause[] {
  const { source, provider, request } = suspect;
  const proof = provider.proof ?? source.verify;
  if (proof?.kind !== 'token' || !('header' in proof)) return [];
  const wanted = proof.header.toLowerCase();
  const shown = [
    ...Object.entries(request.headers).map(([name, text]) => [`the header ${name}`, text] as const),
    ...Object.entries(request.query).map(
      ([name, text]) => [`the query field ${name}`, [text].flat()[0] ?? ''] as const,
    ),
  ];
  for (const [place, text] of shown) {
    for (const token of [text, text.replace(/^Bearer /i, '')]) {
      if (token === request.headers[wanted]) continue;
      if (!fitsWith(suspect, { request: { headers: { ...request.headers, [wanted]: token } } })) continue;
      const cause = `the right token is there, but in ${place}${token === text ? '' : ' behind `Bearer`'}`;
      return [{ cause, advice: `It is looked for in the header ${wanted}, as it is.`, certain: true }];
    }
  }
  return [];
}

function bodyCauses(suspect: Suspect): Cause[] {
  for (const [what, body] of otherBodies(suspect.request)) {
    if (!fitsWith(suspect, { request: { body } })) continue;
    const cause = `the body was changed on the way: the signature fits it ${what}`;
    const advice =
      'A proxy, a gateway or a function in between parses and writes the body again: it must pass on the bytes as they came.';
    return [{ cause, advice, certain: true }];
  }
  return [];
}

/** Larger ones are not written again: each way is a copy and a digest. */
const REWRITTEN_BYTES_MAX = 4 * 1024 * 1024;

function* otherBodies({ body, headers }: RawRequest): Generator<readonly [string, Buffer]> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  if (bytes.length === 0 || bytes.length > REWRITTEN_BYTES_MAX) return;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined) {
    try {
      const inflate = encoding === 'gzip' ? gunzipSync : inflateSync;
      yield ['before it was compressed', inflate(bytes, { maxOutputLength: REWRITTEN_BYTES_MAX })];
    } catch {
      // It is not compressed that way.
    }
    return;
  }
  const text = bytes.toString('utf8');
  yield ['with a line break at its end', Buffer.from(`${text}\n`)];
  yield ['without the line break at its end', Buffer.from(text.replace(/\r?\n$/, ''))];
  yield ['without the byte order mark', Buffer.from(text.replace(/^\uFEFF/, ''))];
  yield ['with Windows line breaks', Buffer.from(text.replace(/\r?\n/g, '\r\n'))];
  yield ['with Unix line breaks', Buffer.from(text.replace(/\r\n/g, '\n'))];
  yield* otherJson(text);
}

function* otherJson(text: string): Generator<readonly [string, Buffer]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  const escaped = (json: string) =>
    json.replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const ways: readonly (readonly [string, string])[] = [
    ['as compact JSON', JSON.stringify(value)],
    ['as JSON with blanks after colons and commas', spaced(value)],
    ['as JSON indented by two', JSON.stringify(value, null, 2)],
    ['as JSON indented by four', JSON.stringify(value, null, 4)],
  ];
  for (const [what, json] of ways) {
    yield [what, Buffer.from(json)];
    yield [`${what} and \\u escapes`, Buffer.from(escaped(json))];
    yield [`${what} and escaped slashes`, Buffer.from(json.replaceAll('/', '\\/'))];
    yield [`${what}, \\u escapes and escaped slashes`, Buffer.from(escaped(json).replaceAll('/', '\\/'))];
  }
}

/** As Python writes it. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, one]) => `${JSON.stringify(name)}: ${spaced(one)}`)
    .join(', ')}}`;
}

function urlCauses(suspect: Suspect): Cause[] {
  const { source, request, options } = suspect;
  const { host, 'x-forwarded-host': forwarded, 'x-forwarded-proto': protocol } = request.headers;
  const query = request.target.includes('?') ? request.target.slice(request.target.indexOf('?')) : '';
  const path = request.target.slice(0, request.target.length - query.length);
  const known = source.url ?? (options.publicUrl === null ? null : `${options.publicUrl}/hooks/${source.name}`);
  const hosts = [forwarded, host].filter((one) => one !== undefined);
  const base = known === null ? null : URL.parse(known);
  const origins = [...hosts, ...(base === null ? [] : [base.host])].flatMap((one) => [
    `https://${one}`,
    `http://${one}`,
  ]);
  const paths = [...new Set([path, ...(base === null ? [] : [base.pathname])])].flatMap((one) => [
    one,
    one.endsWith('/') ? one.slice(0, -1) : `${one}/`,
  ]);
  const candidates = origins.flatMap((origin) => paths.flatMap((one) => [origin + one, origin + one + query]));
  for (const url of new Set(candidates)) {
    if (url === known || !fitsWith(suspect, { source: { url } })) continue;
    const cause = `the URL registered at ${suspect.provider.label} is ${withoutQuery(url)}, not ${known === null ? 'known here' : withoutQuery(known)}`;
    const advice = `Write \`url: ${withoutQuery(url)}\` into source.yaml${protocol === undefined ? '' : ' (a proxy ends TLS)'}, or register the other one.`;
    return [{ cause, advice, certain: true }];
  }
  return [];
}

function signatureHeadersOf({ proof }: Provider): readonly string[] {
  if (proof?.kind === 'token' && 'header' in proof) return [proof.header];
  if (proof?.kind !== 'signature') return [];
  return proof.schemes.flatMap(({ signature }) =>
    signature.form === 'body' ? [] : signature.form === 'headers' ? signature.headers : [signature.header],
  );
}

/** Headers that many senders use for something else. */
const COMMON = new Set(['authorization', 'x-signature', 'x-hub-signature', 'signature']);

function providerCauses(suspect: Suspect): Cause[] {
  const { source, request, provider } = suspect;
  const own = new Set(signatureHeadersOf(provider));
  if ([...own].some((name) => request.headers[name] !== undefined)) return [];
  const others = [...providers.values()].flatMap((other) => {
    const header = signatureHeadersOf(other).find((name) => request.headers[name] !== undefined && !own.has(name));
    return header === undefined || COMMON.has(header) || other.name === provider.name ? [] : [{ other, header }];
  });
  const fitting = others.find(({ other }) =>
    fitsWith(suspect, { source: { provider: other.name, verify: null, deliveryId: null } }),
  );
  const chosen = fitting ?? others[0];
  if (chosen === undefined) return [];
  const { other, header } = chosen;
  const also = fitting === undefined ? '' : ', and verifies as one of theirs with this secret';
  return [
    {
      cause: `it is a webhook of ${other.label}, not of ${provider.label}: it has the header ${header}${also}`,
      advice: `Write \`provider: ${other.name}\` into the source.yaml of ${source.name}, or send it to the source it is for.`,
      certain: fitting !== undefined,
    },
  ];
}

function guesses({ source, provider, request, options }: Suspect): Cause[] {
  const { proofHeaders } = createVerifier(source, options);
  const missing = proofHeaders.length > 0 && proofHeaders.every((name) => request.headers[name] === undefined);
  if (missing) {
    const header = proofHeaders[0];
    return [
      {
        cause: `the header ${header} is missing`,
        advice: `Either nothing is signed there yet (${provider.secret}), or a proxy drops the header, or the sender is not ${provider.label}.`,
        certain: false,
      },
    ];
  }
  return [
    { cause: 'the secret is another one', advice: `Compare it: ${provider.secret}`, certain: false },
    {
      cause: 'the body was changed on the way, so that it cannot be told how',
      advice: 'Send one straight to the relay, past proxies and gateways, and compare its bytes.',
      certain: false,
    },
  ];
}
