/**
 * The destination of the relay: Mixpanel, or the sandbox in its place when there is no token. The sandbox listens on a
 * loopback port of its own, so that everything on the way there is the same.
 */
import type { Clock } from '../clock.ts';
import type { Settings } from '../config/settings.ts';
import { DESTINATION_DEFAULT } from '../config/source-file.ts';
import type { Destination } from '../destinations/contract.ts';
import { createMixpanel } from '../destinations/mixpanel/destination.ts';
import { createSandbox, type Sandbox } from '../destinations/sandbox/sandbox.ts';
import { version } from '../version.ts';

export type OpenedDestination = AsyncDisposable & {
  readonly destination: Destination;
  /** Null: a real destination is configured. */
  readonly sandbox: { readonly double: Sandbox; readonly url: string } | null;
};

const SANDBOX_TOKEN = 'sandbox';

export async function openDestination(settings: Settings, clock: Clock): Promise<OpenedDestination> {
  await using cleanup = new AsyncDisposableStack();
  const { token, apiUrl, trackFormat } = settings.mixpanel;
  let sandbox: OpenedDestination['sandbox'] = null;
  if (token === null) {
    const double = cleanup.use(createSandbox({ clock }));
    sandbox = { double, url: (await double.listen('127.0.0.1', 0)).url };
  }
  const destination = cleanup.use(
    createMixpanel({
      name: DESTINATION_DEFAULT,
      baseUrl: sandbox?.url ?? apiUrl,
      token: token ?? SANDBOX_TOKEN,
      format: trackFormat,
      timeoutMs: settings.sendTimeoutMs,
      concurrency: settings.sendConcurrency,
      clock,
      version,
    }),
  );
  const held = cleanup.move();
  return { destination, sandbox, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
