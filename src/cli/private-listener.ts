/**
 * Asking the private listener of a running relay: the one of this environment, or another by its address. Only the
 * settings that are needed are read: a probe must not fail because of one that the running relay never saw.
 */
import { environment } from '../config/environment.ts';
import { givenText } from '../config/settings.ts';
import { UsageError } from '../errors.ts';
import { addressOf, ask, type Question, type Reply, readUrl } from './http.ts';

export type PrivateQuestion = Pick<Question, 'method' | 'timeoutMs' | 'body'> & {
  /** The listener's address; absent: by RELAY_ADMIN_HOST and RELAY_ADMIN_PORT. */
  readonly url: string | undefined;
  readonly path: string;
};

/** Exit code 3 when nobody answers, 1 when the token is the wrong one. */
export async function askPrivate({ url, path, ...question }: PrivateQuestion): Promise<Reply> {
  const type = question.body === undefined ? {} : { 'content-type': 'application/json' };
  const reply = await ask({ ...question, url: urlFor(url, path), headers: { ...tokenHeader(), ...type } });
  refuseWithoutToken(reply);
  return reply;
}

export function refuseWithoutToken({ status }: Pick<Reply, 'status'>): void {
  if (status !== 401 && status !== 403) return;
  throw new UsageError([`the relay wants its token (${status}): set RELAY_ADMIN_TOKEN as it is set there`], 1);
}

export function urlFor(given: string | undefined, path: string): URL {
  if (given === undefined) {
    return new URL(addressOf({ host: text('RELAY_ADMIN_HOST'), port: Number(text('RELAY_ADMIN_PORT')) }) + path);
  }
  const url = readUrl(given);
  const [pathname = '', search] = path.split('?', 2);
  if (!url.pathname.endsWith(pathname)) url.pathname = `${url.pathname.replace(/\/+$/, '')}${pathname}`;
  if (search !== undefined) url.search = search;
  return url;
}

function text(name: 'RELAY_ADMIN_HOST' | 'RELAY_ADMIN_PORT' | 'RELAY_ADMIN_TOKEN' | 'RELAY_ADMIN_READ_TOKEN'): string {
  const given = givenText(environment(), name);
  if (given.from === 'problem') throw new UsageError([given.problem]);
  return given.text ?? '';
}

/** The token that may only read is enough for most of what commands ask. */
export function tokenHeader(): Record<string, string> {
  const token = text('RELAY_ADMIN_TOKEN') || text('RELAY_ADMIN_READ_TOKEN');
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}
