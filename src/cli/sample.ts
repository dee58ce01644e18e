/** What `send` and `demo` post: a payload as its provider would send it now, signed. */
import { newId } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Source } from '../model.ts';
import { providers } from '../verify/registry.ts';
import { createVerifier } from '../verify/verifier.ts';
import { type CompletedEvent, type CompletedUpdate, titleOf } from './completed.ts';
import { readBytes, readHeadersFile, readQueryFile } from './files.ts';
import { freshenId } from './fresh-id.ts';
import { contentTypeOf, openPayload, readAssignment, setAt } from './payload.ts';
import { redate, redateText, type Shift, shiftTo } from './redate.ts';
import type { CaseFiles } from './sources.ts';

export type Sample = {
  readonly body: Buffer;
  /** Lower-case names; always with a content type. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** When what it tells happened; null: not known, its times stay. */
  readonly anchorMs: number | null;
};

export type FreshenOptions = {
  /** `path=value` */
  readonly set: readonly string[];
  readonly sameId: boolean;
  readonly sameTime: boolean;
  readonly now: number;
};

export type Freshened = {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** False: sent again, it will be a duplicate, or the source knows no duplicates. */
  readonly idChanged: boolean;
  /** Ids that new ones took the place of. */
  readonly oldIds: readonly string[];
};

export async function sampleOfCase(files: CaseFiles): Promise<Sample> {
  const body = await readBytes(files.payload);
  const headers = files.headers === null ? {} : await readHeadersFile(files.headers);
  const anchorMs = files.expected === null ? null : newestTime(await readBytes(files.expected));
  const query = files.query === null ? {} : await readQueryFile(files.query);
  return { body, headers: { 'content-type': contentTypeOf(files.payload, body), ...headers }, query, anchorMs };
}

/** An update stands here as an event that is called by its operator and has the update's own members. */
export type ExpectedEvent = CompletedEvent & { readonly update?: CompletedUpdate };

/** The events and updates of an expected.json; what is neither is left to `check` to tell. */
export function expectedEvents(bytes: Buffer): readonly ExpectedEvent[] {
  try {
    const list: unknown = JSON.parse(bytes.toString('utf8'));
    return (Array.isArray(list) ? list : []).flatMap((one) => {
      if (typeof one?.event === 'string') return one.properties ? [one] : [];
      return one?.$distinct_id || one?.$group_key ? [updateAsEvent(one)] : [];
    });
  } catch {
    return [];
  }
}

export function updateAsEvent(update: CompletedUpdate): ExpectedEvent {
  return { event: titleOf(update), properties: update, update };
}

/** Times in expected files are in milliseconds, as the relay completes them; one in seconds is as good. */
function newestTime(expected: Buffer): number | null {
  const times = expectedEvents(expected).flatMap(({ properties: { $time, time = $time } }) => {
    const ms = typeof time === 'string' ? Date.parse(time) : typeof time === 'number' ? time : Number.NaN;
    return Number.isNaN(ms) ? [] : [ms < 1e11 ? ms * 1000 : ms];
  });
  return times.length === 0 ? null : Math.max(...times);
}

export function freshen(source: Source, sample: Sample, options: FreshenOptions): Freshened {
  const headers = { ...sample.headers };
  const payload = openPayload(sample.body, headers['content-type'] ?? '');
  const value = payload?.value ?? {};
  const before = JSON.stringify(value);
  const shift = shiftOf(sample, options);
  if (shift !== null) {
    redate(value, shift);
    for (const [name, text] of Object.entries(headers)) headers[name] = redateText(text, shift);
  }
  const assignments = options.set.map(readAssignment);
  if (assignments.length > 0 && payload === null) {
    throw new UsageError([`--set changes JSON and forms; this payload is ${headers['content-type'] || 'neither'}`]);
  }
  for (const { path, value: next } of assignments) setAt(value, path, next);
  const keep = new Set(assignments.map(({ path }) => path.join('.')));
  const id = options.sameId ? null : freshenId(source, { headers, value }, keep, options.now);
  // What nothing changed in goes as it is, byte for byte.
  const changed = payload !== null && JSON.stringify(value) !== before;
  return {
    body: changed ? payload.render() : sample.body,
    headers,
    query: sample.query,
    idChanged: id?.changed ?? true,
    oldIds: id?.old ?? [],
  };
}

function shiftOf({ anchorMs }: Sample, { sameTime, now }: FreshenOptions): Shift | null {
  if (anchorMs === null || sameTime) return null;
  return { anchorMs, byMs: shiftTo(anchorMs, now) };
}

export type SignedSample = {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type SignOptions = {
  readonly publicUrl: string | null;
  /** Path and query to post to. */
  readonly target: string;
  readonly wrongly?: boolean;
  readonly now: number;
};

/** Throws when the source is closed, or when signing takes a key that only its provider has. */
export function signSample(source: Source, { body, headers }: Freshened, options: SignOptions): SignedSample {
  if (source.missing.length > 0) {
    throw new UsageError([`${source.name} is closed: set ${source.missing.join(', ')} as it is set for the relay`], 1);
  }
  const verifier = createVerifier(options.wrongly ? withWrongSecret(source) : source, options);
  const request = { method: 'POST', target: options.target, headers, body };
  const signature = verifier.sign(request, options.now);
  return {
    target: signature.target,
    headers: { ...headers, ...signature.headers },
    body: signature.body === undefined ? body : Buffer.from(signature.body),
  };
}

/** Of the right form, so that it is the signature that is refused and not the request. */
function withWrongSecret(source: Source): Source {
  if (source.verify?.kind === 'none') {
    throw new UsageError([`${source.name} verifies nothing: every signature is good`]);
  }
  // Hex digits are a key in every encoding; the user of Basic is kept.
  const [user] = source.secrets[0]?.split(':') ?? [];
  const digits = Buffer.from(newId('', 0)).toString('hex').padEnd(64, '0').slice(0, 64);
  const wrong = providers.get(source.provider)?.sandboxSecret?.() ?? digits;
  return { ...source, secrets: [source.verify?.kind === 'basic' ? `${user}:${wrong}` : wrong] };
}
