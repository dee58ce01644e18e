/**
 * Asking the private listener of a running relay: the one of this environment, or another by its address. Only the
 * settings that are needed are read: a probe must not fail because of one that the running relay never saw.
 */
import { environment } from '../config/environment.ts';
import { givenText } from '../config/settings.ts';
import { UsageError } from '../errors.ts';
import { addressOf, ask, type Question, type Reply, readUrl } from './http.ts';

export type PrivateQuestion = Pick<Question, 'method' | 'timeoutMs'> & {
  /** The listener's address; absent: by RELAY_ADMIN_HOST and RELAY_ADMIN_PORT. */
  readonly url: string | undefined;
  readonly path: string;
};

/** Exit code 3 when nobody answers, 1 when the token is the wrong one. */
export async function askPrivate({ url, path, ...question }: PrivateQuestion): Promise<Reply> {
  const reply = await ask({ ...question, url: urlFor(url, path), headers: tokenHeader() });
  if (reply.status === 401 || reply.status === 403) {
    throw new UsageError([`the relay wants its token (${reply.status}): set RELAY_ADMIN_TOKEN as it is set there`], 1);
  }
  return reply;
}

function urlFor(given: string | undefined, path: string): URL {
  if (given === undefined) {
    return new URL(addressOf({ host: text('RELAY_ADMIN_HOST'), port: Number(text('RELAY_ADMIN_PORT')) }) + path);
  }
  const url = readUrl(given);
  if (!url.pathname.endsWith(path)) url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
  return url;
}

function text(name: 'RELAY_ADMIN_HOST' | 'RELAY_ADMIN_PORT' | 'RELAY_ADMIN_TOKEN'): string {
  const given = givenText(environment(), name);
  if (given.from === 'problem') throw new UsageError([given.problem]);
  return given.text ?? '';
}

function tokenHeader(): Record<string, string> {
  const token = text('RELAY_ADMIN_TOKEN');
  return token === '' ? {} : { authorization: `Bearer ${token}` };
}
