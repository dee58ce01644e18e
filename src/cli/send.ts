/**
 * `send`: posts a sample as its provider would, correctly signed, and shows the answer. A case is sent as if it
 * happened now, under a new delivery id. Exit 1: refused · 3: nobody there.
 */
import { basename } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { didYouMean } from '../config/nearest.ts';
import type { Settings } from '../config/settings.ts';
import { shown } from '../config/shown.ts';
import { type RefusalCode, refusals, UsageError } from '../errors.ts';
import type { Source } from '../model.ts';
import { kindOf, readHeadersFile, readInput, readQueryFile } from './files.ts';
import { addressOf, ask, readUrl } from './http.ts';
import type { Output } from './output.ts';
import { contentTypeOf } from './payload.ts';
import type { Context } from './program.ts';
import { type Freshened, freshen, type Sample, sampleOfCase, signSample } from './sample.ts';
import { settingsHere } from './settings.ts';
import { caseFiles, fileBeside, openSource, parserFor } from './sources.ts';

export type SendOptions = {
  readonly source: string;
  /** A case, a file, `-`; null: the first case. */
  readonly what: string | null;
  readonly url?: string;
  readonly headers?: string;
  readonly set?: readonly string[];
  readonly sameId?: boolean;
  readonly sameTime?: boolean;
  readonly badSignature?: boolean;
};

/** The relay gives a request 15 s; a proxy before it may take its own time. */
const TIMEOUT_MS = 20_000;

export type Sent = {
  readonly status: number;
  /** accepted, duplicate, or the code of a refusal; null: the provider's own answer, which says neither. */
  readonly result: string | null;
  readonly delivery: string | null;
  readonly tookMs: number;
  readonly answer: string;
};

export async function send(options: SendOptions, { output, json }: Context): Promise<number> {
  const settings = settingsHere();
  const { source, folder } = await openSource(options.source, settings, parserFor(settings, 'sandbox'));
  const { sample, name } = await chooseSample(options, folder);
  const now = systemClock.now();
  const fresh = freshen(source, sample, {
    set: options.set ?? [],
    sameId: options.sameId ?? false,
    sameTime: options.sameTime ?? false,
    now,
  });
  const url = urlFor(source.name, options.url, settings);
  const sent = await post({ source, settings, fresh, url, wrongly: options.badSignature ?? false }, systemClock);
  const good = sent.status >= 200 && sent.status < 300;
  if (json) output.json({ source: source.name, payload: name, url: url.href, ...jsonOf(sent) });
  else speak({ sent, fresh, source, name, settings, local: options.url === undefined }, output);
  return good ? 0 : 1;
}

type Posting = {
  readonly source: Source;
  readonly settings: Pick<Settings, 'publicUrl'>;
  readonly fresh: Freshened;
  readonly url: URL;
  readonly wrongly?: boolean;
};

export async function post({ source, settings, fresh, url, wrongly }: Posting, clock: Clock): Promise<Sent> {
  for (const [name, value] of Object.entries(fresh.query)) url.searchParams.set(name, value);
  const { target, headers, body } = signSample(source, fresh, {
    publicUrl: settings.publicUrl,
    target: url.pathname + url.search,
    wrongly: wrongly ?? false,
    now: clock.now(),
  });
  const startedAt = clock.monotonic();
  const reply = await ask({
    method: 'POST',
    url: new URL(target, url),
    headers: { 'user-agent': 'trackrelay-send', ...headers },
    body,
    timeoutMs: TIMEOUT_MS,
  });
  const said = partsOf(reply.body);
  const result = said.status ?? said.code ?? null;
  const tookMs = Math.max(1, Math.round(clock.monotonic() - startedAt));
  return { status: reply.status, result, delivery: said.delivery ?? null, tookMs, answer: reply.body };
}

function partsOf(body: string): { status?: string; code?: string; delivery?: string } {
  try {
    const { status, code, delivery } = JSON.parse(body) as Record<string, unknown>;
    const text = (name: string, value: unknown) => (typeof value === 'string' ? { [name]: value } : {});
    return { ...text('status', status), ...text('code', code), ...text('delivery', delivery) };
  } catch {
    return {};
  }
}

function jsonOf({ status, result, delivery, tookMs, answer }: Sent) {
  return { status, result, delivery, took_ms: tookMs, answer };
}

type Chosen = { readonly sample: Sample; readonly name: string };

async function chooseSample(options: SendOptions, folder: string): Promise<Chosen> {
  const cases = await caseFiles(folder);
  const { what } = options;
  const files = what === null ? cases[0] : cases.find((one) => one.name === what);
  if (files !== undefined) {
    const sample = await sampleOfCase(files);
    const extra = options.headers === undefined ? {} : await readHeadersFile(options.headers);
    return { sample: { ...sample, headers: { ...sample.headers, ...extra } }, name: files.name };
  }
  if (what === null) throw new UsageError([`${folder} has no cases: name a file, or - for stdin`]);
  if (what !== '-' && (await kindOf(what)) !== 'file') {
    const names = cases.map(({ name }) => name);
    const hint = didYouMean(what, names) || (names.length === 0 ? '' : `; its cases are ${names.join(', ')}`);
    throw new UsageError([`${shown(what)} is no case of ${basename(folder)} and no file${hint}`]);
  }
  const body = await readInput(what);
  const headersFile = options.headers ?? (await fileBeside(what, 'headers'));
  const queryFile = await fileBeside(what, 'query');
  const headers = headersFile === null ? {} : await readHeadersFile(headersFile);
  const query = queryFile === null ? {} : await readQueryFile(queryFile);
  const sample = { body, headers: { 'content-type': contentTypeOf(what, body), ...headers }, query, anchorMs: null };
  return { sample, name: what };
}

/** `--url` is the relay's address, or the whole URL of the source. */
function urlFor(source: string, given: string | undefined, settings: Settings): URL {
  const url = readUrl(given ?? addressOf(settings.public));
  if (!url.pathname.includes('/hooks/')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/hooks/${source}`;
  return url;
}

type Speech = {
  readonly sent: Sent;
  readonly fresh: Freshened;
  readonly source: Source;
  readonly name: string;
  readonly settings: Settings;
  /** Sent to the relay of this environment. */
  readonly local: boolean;
};

function speak({ sent, fresh, source, name, settings, local }: Speech, output: Output): void {
  const good = sent.status >= 200 && sent.status < 300;
  const colour = !good ? 'red' : sent.result === 'duplicate' ? 'yellow' : 'green';
  const words = [sent.result ?? (good ? "with the provider's own answer" : ''), sent.delivery ?? ''];
  const text = [`${sent.status}`, ...words].filter((word) => word !== '').join(' ');
  output.result(`${output.style(colour, text)} in ${sent.tookMs} ms`);
  if (!good) {
    if (sent.answer.trim() !== '') output.result(`  ${sent.answer.trim()}`);
    const advice = refusals[sent.result as RefusalCode]?.advice;
    if (advice !== undefined) output.say(advice);
    return;
  }
  if (sent.result === 'duplicate') output.say('The relay has seen this delivery id before, so nothing new happens.');
  else if (!fresh.idChanged) output.say(`No delivery id of ${source.name} could be renewed in this payload.`);
  const next = local ? `${addressOf(settings.admin)}/ shows the relay. ` : '';
  output.say(`${next}What it becomes: trackrelay try ${source.name} ${name === '-' ? 'FILE' : name}`);
}
