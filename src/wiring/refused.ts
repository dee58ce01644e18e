/** Refused requests as the operator may see them: masked; and checked again by the configuration of now. */
import type { RefusedAccess } from '../admin/deps.ts';
import type { RefusedItem, RefusedVerdict } from '../admin/schemas/refused.ts';
import { inflate } from '../body/inflate.ts';
import { type RefusalCode, refusals } from '../errors.ts';
import { openRaw } from '../intake/opened.ts';
import type { DoorSource } from '../intake/receive.ts';
import { type Mask, secretName } from '../observe/mask.ts';
import { type RefusedEntry, refusedBodyBytesMax } from '../observe/refused-ring.ts';
import type { Verifier } from '../verify/contract.ts';
import { type Diagnosis, diagnose } from '../verify/diagnosis.ts';
import { alwaysMasked, mask as masked, maskFields } from '../verify/verified.ts';
import type { Core } from './core.ts';

/** Such names as fields of a JSON body or a form: a handshake brings its secret there, and some providers their signature. */
const SECRET_JSON =
  /("[^"\\]{0,60}(?:signature|secret|token|passw|hmac|jwt|credential)[^"\\]{0,60}"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)/gi;
const SECRET_FORM =
  /((?:^|[&\r\n])[^=&\s]{0,60}(?:signature|secret|token|passw|hmac|jwt|credential)[^=&\s]{0,60}=)[^&\r\n]*/gi;
/** Looked at beyond what is shown, so that a secret across the end is found; the longest is some 4 KB of PEM, in an URL thrice that. */
const MARGIN = 12 * 1024;
/** Of a compressed body. */
const INFLATED_BYTES_MAX = 256 * 1024;

type Deps = {
  readonly refused: Core['refused'];
  readonly mask: Mask;
  readonly remote: Pick<Core['remote'], 'fetch' | 'get'>;
  readonly publicUrl: string | null;
  readonly bodyBytesMax: number;
  readonly find: (name: string) => DoorSource | null;
};

export function refusedOf(core: Pick<Core, 'refused' | 'mask' | 'remote' | 'settings' | 'sources'>): RefusedAccess {
  const { refused, mask, remote, settings, sources } = core;
  const { bodyBytesMax, publicUrl } = settings;
  return refusedAccess({ refused, mask, remote, bodyBytesMax, publicUrl, find: sources.door.find });
}

export function refusedAccess(deps: Deps): RefusedAccess {
  const show = (entry: RefusedEntry) => shown(entry, deps.find(entry.source)?.verifier ?? null, deps.mask);
  return {
    list: (filter, page) => {
      const { items, next } = deps.refused.list(filter, page);
      return { items: items.map(show), next };
    },
    one: (id) => {
      const entry = deps.refused.get(id);
      return entry && show(entry);
    },
    verify: async (id) => {
      const entry = deps.refused.get(id);
      if (entry === null) return null;
      if (entry.cut || entry.body === null) return 'cut';
      const { code, reason, diagnosis } = await again(entry, entry.body, deps);
      const { steps = [], causes = [] } = diagnosis ?? {};
      return {
        ...{ id, source: entry.source, verified: code === null, code, reason },
        ...{ steps: [...steps], causes: [...causes] },
        as_of: new Date(entry.receivedAt).toISOString(),
      } satisfies RefusedVerdict;
    },
  };
}

function shown(entry: RefusedEntry, verifier: Verifier | null, mask: Mask): RefusedItem {
  const { id, source, code, reason, status, receivedAt, address, request, bytes } = entry;
  const proof = (of: 'proofHeaders' | 'proofQuery') => [...entry[of], ...(verifier?.[of] ?? [])];
  const secret = Object.keys(request.headers).filter((name) => secretName.test(name));
  return {
    ...{ id, source, code, reason, status, address: address ?? null, bytes },
    received_at: new Date(receivedAt).toISOString(),
    method: request.method,
    path: pathShown(entry, proof('proofQuery')),
    headers: maskFields(request.headers, [...alwaysMasked, ...proof('proofHeaders'), ...secret]),
    ...bodyShown(entry, mask),
    advice: refusals[code].advice,
  };
}

function pathShown({ source, request: { target, pathKey } }: RefusedEntry, proofQuery: readonly string[]): string {
  const query = target.includes('?') ? target.slice(target.indexOf('?') + 1) : null;
  const path = `/hooks/${source}${pathKey === null ? '' : `/${masked}`}`;
  if (query === null) return path;
  const fields = query.split('&').map((field) => {
    const [[name = ''] = []] = new URLSearchParams(field);
    return proofQuery.includes(name) || secretName.test(name) ? `${field.split('=', 1)[0]}=${masked}` : field;
  });
  return `${path}?${fields.join('&')}`;
}

type BodyShown = Pick<RefusedItem, 'body' | 'body_encoding' | 'body_cut'>;

/** Known secrets first, for what is shown in base64 passes no mask after this. */
function bodyShown({ body, cut, request }: RefusedEntry, mask: Mask): BodyShown {
  if (body === null) return { body: null, body_encoding: null, body_cut: false };
  const plain = inflate(body, request.headers['content-encoding'], Math.max(body.length, INFLATED_BYTES_MAX));
  if (!plain.ok) return { body: null, body_encoding: null, body_cut: body.length > 0 };
  const looked = Buffer.from(plain.bytes).subarray(0, refusedBodyBytesMax + MARGIN);
  const isText = !looked.includes(0) && isUtf8Start(looked);
  const text = withoutSecrets(looked.toString(isText ? 'utf8' : 'latin1'), mask);
  // What is left of a secret that the end has cut lies within the margin, and is never shown.
  const whole = plain.bytes.length <= looked.length;
  const kept = Buffer.from(whole ? text : text.slice(0, -MARGIN), isText ? 'utf8' : 'latin1');
  const bytes = kept.subarray(0, refusedBodyBytesMax);
  return {
    body: isText ? new TextDecoder().decode(bytes, { stream: true }) : bytes.toString('base64'),
    body_encoding: isText ? 'text' : 'base64',
    body_cut: cut || !whole || kept.length > bytes.length,
  };
}

function withoutSecrets(text: string, mask: Mask): string {
  return mask.apply(text).replace(SECRET_JSON, `$1"${masked}"`).replace(SECRET_FORM, `$1${masked}`);
}

/** The last character may be cut. */
function isUtf8Start(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

type Outcome = {
  readonly code: RefusalCode | null;
  readonly reason: string | null;
  /** Absent: its proof was not looked at. */
  readonly diagnosis?: Diagnosis;
};

/** The way through the door, but nothing is answered, learned, kept or confirmed. */
async function again(entry: RefusedEntry, body: Uint8Array, deps: Deps): Promise<Outcome> {
  const { source, request: head, receivedAt } = entry;
  const no = (code: RefusalCode, reason: string): Outcome => ({ code, reason });
  const door = deps.find(source);
  if (door === null) return no('unknown_source', 'its folder is gone');
  const { verifier } = door;
  if (door.source.missing.length > 0) return no('closed', `${door.source.missing.join(', ')} is not set`);
  if (verifier === null) return no('closed', 'its source.yaml does not say how to verify');
  const allowed = [...verifier.methods, ...verifier.handshakeMethods];
  if (!allowed.includes(head.method)) return no('method_not_allowed', head.method);
  const { request, inflated, parsed } = openRaw({ ...head, body }, verifier.bodyForm, deps.bodyBytesMax);
  const greeting = verifier.handshakeUnsigned(request);
  if (greeting !== null && 'refused' in greeting) return no('unverified', greeting.refused);
  if (greeting?.secret !== undefined)
    return no('unverified', 'it brings a secret: arm the source, then let the provider send it again');
  if (greeting !== null) return { code: null, reason: 'it is a handshake' };
  if (!verifier.methods.includes(head.method)) return no('method_not_allowed', head.method);
  if (verifier.awaitsSecret !== null) return no('closed', verifier.awaitsSecret);
  let verdict = verifier.check(request, receivedAt);
  if (!verdict.ok && verdict.wants !== undefined) {
    const failure = await deps.remote.fetch(verdict.wants);
    if (failure !== null) return no('unavailable', failure);
    verdict = verifier.check(request, receivedAt);
  }
  const { publicUrl, remote } = deps;
  const diagnosis = diagnose(door.source, request, receivedAt, { publicUrl, remote });
  if (!verdict.ok) return { ...no('unverified', verdict.reason), diagnosis };
  const plain = inflated();
  if (!plain.ok) return { ...no(plain.code, plain.reason), diagnosis };
  const content = parsed();
  return { ...(content.ok ? { code: null, reason: null } : no(content.code, content.reason)), diagnosis };
}
