/**
 * `arm SOURCE`: for ten minutes the running relay takes the secret that the source's provider hands over in a handshake,
 * and this waits for it. Exit 0: learned (or armed, with --no-wait) · 1: refused, or nothing came · 2: no such source ·
 * 3: not reachable.
 */
import { type Clock, systemClock } from '../clock.ts';
import { didYouMean } from '../config/nearest.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { clean } from '../observe/clean.ts';
import type { Output } from './output.ts';
import { askPrivate } from './private-listener.ts';
import type { Context } from './program.ts';
import { stopSignal } from './stop.ts';

export type ArmOptions = {
  readonly source: string;
  readonly url?: string;
  /** False: --no-wait. */
  readonly wait: boolean;
  /** Drop what was learned first. */
  readonly forget?: boolean;
};

/** The private listener answers within 5 s. */
const TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
/** A relay that restarts is still armed; one that is away for longer is told of. */
const MISSED_MAX = 20;
/** More than the ten minutes, should a relay never say that they are over. */
const WAIT_MAX_MS = 11 * 60_000;

type Arming = {
  readonly source: string;
  readonly state?: string;
  readonly armed_until?: string;
  readonly learned_at?: string;
  readonly token?: string;
  readonly token_hidden?: string;
};
type Listed = { readonly name: string; readonly provider: string | null; readonly url: string };
type Asking = { readonly path: string; readonly url: string | undefined };

export async function arm(options: ArmOptions, { output, json }: Context, clock: Clock = systemClock): Promise<number> {
  const { url } = options;
  const listed = await sourceNamed(options.source, url);
  const asking: Asking = { path: `/api/sources/${listed.name}/arm`, url };
  if (options.forget) await forget(listed.name, url, output);
  const armed = await armOrLearned(asking);
  if (armed.state !== 'learned') {
    tellWhatToDo(listed, armed, options.wait, output);
    if (!options.wait) {
      if (json) output.json(armed);
      else output.result(`armed ${listed.name} until ${clean(armed.armed_until ?? '')}`);
      return 0;
    }
  }
  const last = armed.state === 'learned' ? armed : await learned(asking, clock);
  if (json) output.json(last);
  else speak(last, output);
  if (last.state === 'armed') output.say('Waits no longer; the source stays armed until its time is over.');
  return last.state === 'learned' ? 0 : 1;
}

async function sourceNamed(name: string, url: string | undefined): Promise<Listed> {
  const { items } = await answerOf<{ readonly items?: readonly Listed[] }>('GET', { path: '/api/sources', url });
  const found = items?.find((one) => one.name === name);
  if (found) return found;
  const hint = didYouMean(
    name,
    (items ?? []).map((one) => one.name),
  );
  throw new UsageError([`the relay has no source ${shown(name)}${hint}`]);
}

async function forget(source: string, url: string | undefined, output: Output): Promise<void> {
  const asking = { path: `/api/sources/${source}/secret`, url };
  const { forgotten } = await answerOf<{ readonly forgotten?: boolean }>('DELETE', asking);
  output.say(forgotten ? 'The secret it had learned is dropped.' : 'It had learned no secret.');
}

/** What was learned with an earlier `--no-wait` and is still to be pasted back is no refusal. */
async function armOrLearned(asking: Asking): Promise<Arming> {
  try {
    return { ...(await answerOf<Arming>('POST', asking)), state: 'armed' };
  } catch (error) {
    if (!(error instanceof UsageError) || error.exitCode !== 1) throw error;
    const now = await answerOf<Arming>('GET', asking);
    if (now.token !== undefined) return now;
    throw error;
  }
}

/** Looks once a second until it is no longer armed, or somebody stops the wait. */
async function learned(asking: Asking, clock: Clock): Promise<Arming> {
  const enough = new AbortController();
  void stopSignal().then(() => enough.abort());
  const endsAt = clock.monotonic() + WAIT_MAX_MS;
  let missed = 0;
  for (;;) {
    await clock.wait(LOOK_EVERY_MS, enough.signal);
    try {
      const now = await answerOf<Arming>('GET', asking);
      missed = 0;
      if (now.state !== 'armed' || enough.signal.aborted || clock.monotonic() > endsAt) return now;
    } catch (error) {
      if (!(error instanceof UsageError) || error.exitCode !== 3) throw error;
      if (enough.signal.aborted || ++missed > MISSED_MAX) throw error;
    }
  }
}

async function answerOf<T>(method: 'GET' | 'POST' | 'DELETE', { path, url }: Asking): Promise<T> {
  const { status, body } = await askPrivate({ method, url, path, timeoutMs: TIMEOUT_MS });
  const answer = objectIn(body);
  if (status >= 200 && status < 300 && answer !== null) return answer as T;
  const { title, detail } = (answer ?? {}) as { title?: unknown; detail?: unknown };
  const words = [title, detail].filter((text) => typeof text === 'string').map((text) => clean(text));
  throw new UsageError([words.length > 0 ? words.join(': ') : `what answered is no relay: ${status}`], 1);
}

function objectIn(text: string): object | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' ? parsed : null;
  } catch {
    return null;
  }
}

function tellWhatToDo({ name, provider, url }: Listed, armed: Arming, waits: boolean, output: Output): void {
  output.say(`${name} takes a secret from ${provider ?? 'its provider'} until ${clean(armed.armed_until ?? '')}.`);
  output.say(`Create the webhook there now, with this URL: ${clean(url)}`);
  if (waits) output.say('Waiting for its handshake (Ctrl-C stops waiting, not the arming) …');
}

function speak(last: Arming, output: Output): void {
  const name = clean(last.source);
  if (last.state !== 'learned') {
    output.result(output.style('yellow', `${name} learned nothing`));
    return;
  }
  output.result(output.style('green', `${name} learned its secret at ${clean(last.learned_at ?? '')}`));
  if (last.token !== undefined) {
    output.result(`token: ${printable(last.token)}`);
    output.say("Paste it into the provider's page now: it is not shown again.");
  } else if (last.token_hidden !== undefined) {
    output.say(`The provider wants it pasted back, but ${clean(last.token_hidden)}.`);
    output.say('With RELAY_ADMIN_TOKEN set, arm it again with --forget, and send the handshake anew.');
  }
}

/** It came from outside; what a terminal would obey is shown by its number. */
function printable(token: string): string {
  return token.replace(/[^\x20-\x7e]/gu, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);
}
