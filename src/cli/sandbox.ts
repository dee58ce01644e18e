/** `sandbox`: the double of Mixpanel and Bloomreach alone, for a relay elsewhere or for looking at what one sends. Ends on Ctrl-C. */
import { systemClock } from '../clock.ts';
import { host as hostKind, wholeNumber } from '../config/kinds.ts';
import { createSandbox } from '../destinations/sandbox/sandbox.ts';
import { UsageError } from '../errors.ts';
import type { Context } from './program.ts';
import { stopSignal } from './stop.ts';

const PORT = wholeNumber({ min: 0, max: 65_535 });

export async function serveSandbox(
  options: { readonly host: string; readonly port: string },
  { output, json }: Context,
): Promise<number> {
  const host = hostKind.parse(options.host);
  const port = PORT.parse(options.port);
  if (!host.ok || !port.ok) {
    throw new UsageError([
      ...(host.ok ? [] : [`--host ${host.problem}`]),
      ...(port.ok ? [] : [`--port ${port.problem}`]),
    ]);
  }
  await using sandbox = createSandbox({ clock: systemClock });
  const stopped = stopSignal();
  const { url } = await listen(sandbox, host.value, port.value);
  if (json) {
    const own = ['events', 'updates', 'profiles', 'state', 'control', 'bloomreach'];
    output.json({ url, ...Object.fromEntries(own.map((name) => [name, `${url}/__${name}`])) });
  } else {
    output.result(`A sandbox Mixpanel listens on ${output.style('bold', url)}`);
    output.say(`Point a relay at it:   MIXPANEL_TOKEN=sandbox MIXPANEL_API_URL=${url} trackrelay serve`);
    output.say(`What arrived:          curl ${url}/__events`);
    output.say(`Profiles, groups:      curl ${url}/__profiles`);
    output.say(`Bloomreach:            base_url ${url} in destinations.yaml; curl ${url}/__bloomreach/events`);
    output.say(`Make it fail:          curl -d '{"status":429,"times":3}' ${url}/__control`);
    output.say('Ctrl-C ends it; what arrived is forgotten.');
  }
  await stopped;
  return 0;
}

async function listen(sandbox: ReturnType<typeof createSandbox>, host: string, port: number) {
  try {
    return await sandbox.listen(host, port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    const why = { EADDRINUSE: 'is taken', EACCES: 'may not be used', EADDRNOTAVAIL: 'is no address of this machine' };
    const words = (why as Record<string, string>)[code] ?? `cannot be used (${code})`;
    throw new UsageError([`${host} port ${port} ${words}: choose another with --host and --port`], 1);
  }
}
