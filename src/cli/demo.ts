/**
 * `demo`: a relay in sandbox mode, every case of every source sent to it over HTTP as its provider would, and what
 * arrived at the sandbox as a table. Keeps running until Ctrl-C; with `--once` it ends: 0 when everything arrived.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { type Environment, environment, setText } from '../config/environment.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { UsageError } from '../errors.ts';
import { type Relay, startRelay } from '../relay.ts';
import { type Awaited, matchArrivals } from './arrivals.ts';
import type { CompletedEvent, CompletedUpdate } from './completed.ts';
import { type DemoResult, demoJson, speakDemo } from './demo-report.ts';
import { readBytes } from './files.ts';
import { ask } from './http.ts';
import type { Context } from './program.ts';
import { type ExpectedEvent, expectedEvents, freshen, sampleOfCase, updateAsEvent } from './sample.ts';
import { post } from './send.ts';
import { onSignals } from './serve.ts';
import { type CaseFiles, caseFiles, openSource, parserFor, type SourceFolder, sourceNames } from './sources.ts';

/** Mapping and sending take less than a second; a busy machine may need more. */
const WAIT_MAX_MS = 30_000;
const LOOK_EVERY_MS = 100;
const TIMEOUT_MS = 10_000;

export async function demo(options: { readonly once?: boolean }, { output, json }: Context): Promise<number> {
  const env = environment();
  await using cleanup = new AsyncDisposableStack();
  const settings = readSettings(demoEnvironment(env, await dataFolder(env, cleanup)));
  if (setText(env, 'MIXPANEL_TOKEN') ?? setText(env, 'MIXPANEL_TOKEN_FILE')) {
    output.say('MIXPANEL_TOKEN is left aside: the demo sends to its own sandbox only.');
  }
  const relay = cleanup.use(await startRelay(settings));
  cleanup.defer(onSignals(relay));
  output.say(
    `A relay in sandbox mode listens on ${relay.publicUrl}; sending it every case of ${settings.mappingsDir} …`,
  );
  const running = play(relay, settings);
  // Stopped in the middle, what it was doing fails; nobody needs to hear of it.
  running.catch(() => undefined);
  const result = await Promise.race([running, relay.stopped.then(() => null)]);
  if (result === null) return 1;
  if (json) output.json(demoJson(result));
  else speakDemo(result, output);
  const exitCode = result.missing.length + result.refused.length === 0 ? 0 : 1;
  if (options.once) return exitCode;
  output.say(`The relay's own page: ${output.style('bold', `${relay.adminUrl}/`)}   (Ctrl-C ends it)`);
  const port = new URL(relay.publicUrl).port;
  output.say(`Send it more:         RELAY_PORT=${port} RELAY_DATA_DIR=${settings.dataDir} trackrelay send github`);
  await relay.stopped;
  return exitCode;
}

/** Its own unless one is set, so that a demo leaves nothing behind. */
async function dataFolder(env: Environment, cleanup: AsyncDisposableStack): Promise<string> {
  const given = setText(env, 'RELAY_DATA_DIR');
  if (given !== undefined) return given;
  const folder = await mkdtemp(join(tmpdir(), 'trackrelay-demo-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What is set counts; what is not is chosen so that a demo runs beside anything. Never with a token. */
function demoEnvironment(env: Environment, dataDir: string): Environment {
  const chosen = { RELAY_HOST: '127.0.0.1', RELAY_PORT: '0', RELAY_ADMIN_PORT: '0', RELAY_LOG_LEVEL: 'error' };
  const given = Object.entries(env).filter(([name]) => setText(env, name) !== undefined);
  const settings: Record<string, string | undefined> = { ...chosen, ...Object.fromEntries(given) };
  delete settings.MIXPANEL_TOKEN;
  delete settings.MIXPANEL_TOKEN_FILE;
  return { ...settings, RELAY_DATA_DIR: dataDir };
}

async function play(relay: Relay, settings: Settings): Promise<DemoResult> {
  const awaited: Awaited[] = [];
  const refused: string[] = [];
  let sent = 0;
  for (const name of await sourceNames(settings.mappingsDir)) {
    try {
      const opened = await openSource(name, settings, parserFor(settings, 'sandbox'));
      for (const files of await caseFiles(opened.folder)) {
        const outcome = await sendCase(relay, settings, opened, files);
        if (typeof outcome === 'string') refused.push(outcome);
        else awaited.push(...outcome);
        sent++;
      }
    } catch (error) {
      if (!(error instanceof UsageError) || error.exitCode === 3) throw error;
      refused.push(...error.problems);
    }
  }
  return { ...(await arrivals(relay, awaited)), refused, sent };
}

/** What the case must become, or why it was refused. */
async function sendCase(
  relay: Relay,
  settings: Settings,
  { source }: SourceFolder,
  files: CaseFiles,
): Promise<readonly Awaited[] | string> {
  const sample = await sampleOfCase(files);
  const fresh = freshen(source, sample, { set: [], sameId: false, sameTime: false, now: systemClock.now() });
  const url = new URL(`${relay.publicUrl}/hooks/${source.name}`);
  const { status, answer } = await post({ source, settings, fresh, url }, systemClock);
  if (status < 200 || status > 299) return `${source.name} ${files.name}: ${status} ${answer.slice(0, 300)}`;
  const events = files.expected === null ? [] : expectedEvents(await readBytes(files.expected));
  const place = { source: source.name, case: files.name };
  return events.map((one) => ({ ...one, ...place, anchorMs: sample.anchorMs ?? 0, oldIds: fresh.oldIds }));
}

async function arrivals(relay: Relay, awaited: readonly Awaited[]) {
  const endsAt = systemClock.monotonic() + WAIT_MAX_MS;
  for (;;) {
    const matched = matchArrivals(awaited, await eventsAt(relay.sandboxUrl));
    if (matched.missing.length === 0 || systemClock.monotonic() > endsAt) return matched;
    await systemClock.wait(LOOK_EVERY_MS);
  }
}

async function eventsAt(sandboxUrl: string | null): Promise<readonly ExpectedEvent[]> {
  if (sandboxUrl === null) throw new Error('a demo without a sandbox');
  const get = async <T>(path: string): Promise<readonly T[]> => {
    const reply = await ask({ method: 'GET', url: new URL(path, sandboxUrl), timeoutMs: TIMEOUT_MS });
    return (JSON.parse(reply.body) as { items: readonly { record: T }[] }).items.map(({ record }) => record);
  };
  const events = await get<CompletedEvent>('/__events?limit=100000');
  return [...events, ...(await get<CompletedUpdate>('/__updates')).map(updateAsEvent)];
}
