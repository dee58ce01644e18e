/** `trackrelay serve`: starts the relay and ends with it. SIGTERM and SIGINT stop it, a second one at once; SIGHUP reloads. */
import { setFlagsFromString } from 'node:v8';
import { systemClock } from '../clock.ts';
import { environment } from '../config/environment.ts';
import { readSettings } from '../config/settings.ts';
import { type Relay, startRelay } from '../relay.ts';
import type { Output } from './output.ts';

/**
 * A heap that may double before it is cleaned has a drain of a million events take 420 MB; half as much more takes about 310, and
 * costs accepting nothing that can be measured (`npm run bench -- --only drain`, `--only accept`). A third more and smaller
 * spaces take 290, and a tenth more processor time. For the threads that start from here on, too.
 */
const HEAP_FLAGS = ['--heap-growing-percent=50', '--max-semi-space-size=16'];

export async function serve(output: Output): Promise<number> {
  for (const flag of HEAP_FLAGS) setFlagsFromString(flag);
  const settings = readSettings(environment());
  const terminal = process.stdout.isTTY ? { terminal: { colours: !environment().NO_COLOR } } : {};
  const relay = await startRelay(settings, terminal);
  greet(relay, output);
  const forget = onSignals(relay);
  const exitCode = await relay.stopped;
  forget();
  return exitCode;
}

/** What a person needs first; the log says the same for machines. */
function greet(relay: Relay, output: Output): void {
  if (!process.stderr.isTTY) return;
  output.say('');
  output.say(`  webhooks   ${relay.publicUrl}/hooks/<source>`);
  output.say(`  status     ${relay.adminUrl}/`);
  if (relay.sandboxUrl) output.say('  events go to the built-in SANDBOX: set MIXPANEL_TOKEN to send them to Mixpanel');
  output.say('');
}

/** Contract: a stop takes at most 10 s, whatever hangs. What was answered is on disk, so ending then loses nothing. */
export const STOP_MAX_MS = 9_500;

/** Returns how to forget them. */
export function onSignals(relay: Pick<Relay, 'stop' | 'reload'>): () => void {
  let asked = false;
  const stop = () => {
    if (asked) process.exit(130);
    asked = true;
    const ended = new AbortController();
    void relay.stop().finally(() => ended.abort());
    void systemClock.wait(STOP_MAX_MS, ended.signal).then(() => {
      if (!ended.signal.aborted) process.exit(1);
    });
  };
  const reload = () => void relay.reload();
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', reload);
  return () => void process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', reload);
}
