/**
 * `explain`: what happened to a webhook, step by step: a refused request (`ref_…`), a kept delivery (`dlv_…`), or a file as if
 * it had just come. Never a secret, never a signature, neither the right one nor the one that came. Without any of these it
 * lists the requests that were refused last.
 * Exit 1: it does not verify, or does not become what it should · 3: the relay is not reachable.
 */
import { join } from 'node:path';
import { UsageError } from '../errors.ts';
import { clean } from '../observe/clean.ts';
import { type ApiWholeDelivery, allOf, askWell } from './api.ts';
import { eventsOf } from './became.ts';
import { type Completed, isEvent, titleOf } from './completed.ts';
import { dedupeStep, explainFile, verifiedStep } from './explain-file.ts';
import { type Explained, type ExplainedStep, speakExplained } from './explain-steps.ts';
import { readBytes } from './files.ts';
import { nextCommands } from './next-commands.ts';
import { table } from './output.ts';
import type { Context } from './program.ts';
import { settingsHere } from './settings.ts';
import { findSource } from './sources.ts';
import { troubleExcerpt } from './trouble.ts';

export type ExplainOptions = {
  /** An id, or a file (`-`: stdin); null: the list of refused requests. */
  readonly what: string | null;
  readonly source?: string;
  readonly headers?: string;
  readonly url?: string;
};

type Refused = {
  readonly id: string;
  readonly source: string;
  readonly code: string;
  readonly reason: string;
  readonly status: number;
  readonly received_at: string;
  readonly method: string;
  readonly path: string;
  readonly bytes: number;
  readonly advice: string;
};
type Verdict = {
  readonly verified: boolean;
  readonly reason: string | null;
  readonly steps: readonly ExplainedStep[];
  readonly causes: Explained['causes'];
};

const EVENTS_SHOWN = 50;
const REFUSED_SHOWN = 20;
const TRIES_SHOWN = 10;

export async function explain({ what, ...options }: ExplainOptions, { output, json }: Context): Promise<number> {
  if (what === null) return await listRefused(options, { output, json });
  const explained = await explainedOf({ what, ...options }, output);
  if (json) output.json(explained);
  else speakExplained(explained, output);
  return explained.verified === false || explained.steps.some(({ ok }) => ok === false) ? 1 : 0;
}

async function listRefused(
  { source, headers, url }: Omit<ExplainOptions, 'what'>,
  { output, json }: Context,
): Promise<number> {
  if (headers !== undefined) throw new UsageError(['--headers go with a file']);
  const refused = await allOf<Refused>({ url, path: '/api/refused' }, { source }, REFUSED_SHOWN);
  if (json) output.json(refused);
  else if (refused.length === 0) output.say('No request was refused since the relay started.');
  else {
    const rows = refused.map((one) =>
      [one.id, one.source, String(one.status), one.received_at, one.reason].map((text) => clean(text)),
    );
    for (const line of table([['id', 'source', 'status', 'received', 'reason'], ...rows])) output.result(line);
    output.say(`Next: trackrelay explain ${refused[0]?.id}`);
  }
  return 0;
}

async function explainedOf(
  { what, source, headers, url }: ExplainOptions & { readonly what: string },
  output: Context['output'],
): Promise<Explained> {
  const kind = /^(ref|dlv)_[\w.-]{1,100}$/.exec(what)?.[1];
  if (kind === undefined) {
    if (source === undefined) throw new UsageError(['a file needs --source SOURCE; ids begin with dlv_ or ref_']);
    return await explainFile({ file: what, source, headers }, output);
  }
  if (source !== undefined || headers !== undefined) throw new UsageError(['--source and --headers go with a file']);
  return kind === 'ref' ? await explainRefused(what, url) : await explainDelivery(what, url, output);
}

async function explainRefused(id: string, url: string | undefined): Promise<Explained> {
  const path = `/api/refused/${id}`;
  const one = await askWell<Refused>({ url, path });
  const then = `${one.status} ${one.code}: ${one.reason}`;
  const came = `${one.method} ${one.path}, ${one.bytes.toLocaleString('en-US')} bytes, ${one.received_at}`;
  const head: ExplainedStep[] = [
    { step: 'came', ok: null, text: came },
    { step: 'refused', ok: false, text: then },
  ];
  const common = { source: one.source, kind: 'refused', of: id, excerpt: [] } as const;
  const verdict = await askWell<Verdict>({ method: 'POST', url, path: `${path}/verify` }).catch((error: unknown) => {
    if (error instanceof UsageError && error.exitCode === 1) return error;
    throw error;
  });
  if (verdict instanceof UsageError) {
    const causes = [{ cause: one.reason, advice: one.advice, certain: false }];
    const steps = [...head, { step: 'now', ok: null, text: `cannot be checked again: ${verdict.message}` }];
    return { ...common, verified: false, steps, causes, next: [] };
  }
  const { verified, reason, steps, causes } = verdict;
  const now = verified ? 'it would be accepted: what was wrong is mended' : `no: ${reason}`;
  return {
    ...common,
    verified,
    steps: [
      ...(verified ? head.map((step) => ({ ...step, ok: null })) : head),
      { step: 'now', ok: verified, text: now },
      ...steps.map((step) => ({ ...step, step: `  ${step.step}` })),
    ],
    causes: causes.length > 0 || verified ? causes : [{ cause: one.reason, advice: one.advice, certain: false }],
    next: verified ? ['have the provider send it again; the relay cannot take what it refused'] : [],
  };
}

async function explainDelivery(id: string, url: string | undefined, output: Context['output']): Promise<Explained> {
  const whole = await askWell<ApiWholeDelivery>({ url, path: `/api/deliveries/${id}` });
  const { source, provider, type, key, received_at: at, bytes } = whole;
  const deliveryId = provider === 'custom' && key !== null ? 'of source.yaml' : null;
  const steps: ExplainedStep[] = [
    { step: 'came', ok: null, text: `${source}, ${type ?? 'no type'}, ${bytes.toLocaleString('en-US')} bytes, ${at}` },
    verifiedStep(true, null),
    dedupeStep({ provider, deliveryId }, key),
    mappedStep(whole),
    ...eventSteps(whole),
    ...whole.dead_letters.map((letter) => ({
      step: 'dead',
      ok: false,
      text: `${letter.id}  ${letter.reason}${letter.destination ? ` (${letter.destination})` : ''}: ${letter.message}`,
    })),
    ...whole.attempts.slice(-TRIES_SHOWN).map((one) => ({
      step: 'batch',
      ok: one.outcome === 'delivered' ? true : null,
      text: `${one.at}  ${one.destination}, attempt ${one.attempt}: ${one.status ?? 'no answer'} ${one.message ?? one.reason ?? one.outcome}`,
    })),
  ];
  const { place, excerpt } = await brokenLine(whole, output);
  if (place !== null) steps.push({ step: 'where', ok: false, text: place });
  return { source, kind: 'delivery', of: id, verified: true, steps, causes: [], excerpt, next: nextOf(whole) };
}

/** The line that failed, where the mapping is at hand here; it may have been changed since. */
async function brokenLine({ source, dead_letters: letters }: ApiWholeDelivery, output: Context['output']) {
  const none = { place: null, excerpt: [] };
  const failed = letters.find(({ kind }) => kind === 'mapping');
  const [, line, column] = /\bat (\d{1,6}):(\d{1,6})\b/.exec(failed?.message ?? '') ?? [];
  if (line === undefined) return none;
  try {
    const file = join(await findSource(source, settingsHere().mappingsDir), 'mapping.jsonata');
    const trouble = { file, line: Number(line), column: Number(column), message: '' };
    const text = (await readBytes(file)).toString('utf8');
    return { place: `${file}:${line}:${column}`, excerpt: troubleExcerpt(text, trouble, output) };
  } catch (error) {
    if (error instanceof UsageError) return none;
    throw error;
  }
}

function mappedStep({ state, events, events_left_out: more }: ApiWholeDelivery): ExplainedStep {
  const count = events.length + more;
  const texts: Record<ApiWholeDelivery['state'], ExplainedStep> = {
    accepted: { step: 'mapped', ok: null, text: 'not yet: it waits for its turn' },
    mapped: { step: 'mapped', ok: true, text: count === 1 ? 'to 1 event' : `to ${count} events` },
    skipped: { step: 'mapped', ok: true, text: 'skipped: the mapping made nothing of it' },
    failed: { step: 'mapped', ok: false, text: 'the mapping failed' },
  };
  return texts[state];
}

function eventSteps(whole: ApiWholeDelivery): ExplainedStep[] {
  const destinations = [...new Set(whole.events.map(({ destination }) => destination))];
  const newest = destinations.flatMap((destination) => eventsOf(whole, destination));
  return newest.slice(0, EVENTS_SHOWN).map(({ id, destination, state, event, attempts, last_words: words }) => {
    const one = event as Completed;
    const name = isEvent(one) ? one.event : titleOf(one);
    const tries = attempts > 0 ? ` after ${attempts} attempts that failed` : '';
    const said = words !== null && state !== 'delivered' ? `: ${words}` : '';
    const ok = { delivered: true, waiting: null, dead: false }[state];
    return { step: 'event', ok, text: `${name}  ${state} (${destination})${tries}${said}  ${id}` };
  });
}

function nextOf({ id, source, state, dead_letters: letters, body }: ApiWholeDelivery): string[] {
  if (state === 'failed') {
    const look =
      body === null ? [] : [`try a mended mapping on it: trackrelay try ${source} ${id} --relay --mapping FILE`];
    return [...look, `once it is in its place: trackrelay replay ${id}`];
  }
  const letter = letters.find(({ kind }) => kind === 'event');
  return letter === undefined ? [] : nextCommands(letter);
}
