/**
 * The destinations of the relay, each made from its configuration. Those of the type sandbox share one double of the
 * vendors, which listens on a loopback port of its own, so that everything on the way there is the same.
 */
import type { Clock } from '../clock.ts';
import { type DestinationConfig, destinationsOf, type MixpanelConfig } from '../config/destinations-file.ts';
import type { Settings } from '../config/settings.ts';
import { createBloomreach } from '../destinations/bloomreach/destination.ts';
import { createPacer, type Pacer } from '../destinations/bloomreach/pacer.ts';
import { shapeCommand } from '../destinations/bloomreach/shape.ts';
import type { Destination } from '../destinations/contract.ts';
import { createMixpanel } from '../destinations/mixpanel/destination.ts';
import { shapeOutput } from '../destinations/mixpanel/shape.ts';
import { createSandbox, type Sandbox } from '../destinations/sandbox/sandbox.ts';
import type { Shape } from '../mapping/turn-to-events.ts';
import { version } from '../version.ts';

export type OpenedDestinations = AsyncDisposable & {
  readonly configs: readonly DestinationConfig[];
  /** In the order of their configuration; at least one. */
  readonly all: readonly Destination[];
  /** How each completes and checks an output. */
  readonly shape: Shape;
  /** Null: no destination is a sandbox. */
  readonly sandbox: { readonly double: Sandbox; readonly url: string } | null;
};

const SANDBOX_TOKEN = 'sandbox';

export async function openDestinations(settings: Settings, clock: Clock): Promise<OpenedDestinations> {
  await using cleanup = new AsyncDisposableStack();
  const configs = destinationsOf(settings);
  let sandbox: OpenedDestinations['sandbox'] = null;
  if (configs.some(({ type }) => type === 'sandbox')) {
    const double = cleanup.use(createSandbox({ clock }));
    sandbox = { double, url: (await double.listen('127.0.0.1', 0)).url };
  }
  const all: Destination[] = [];
  const shared = { settings, clock, pacer: createPacer(clock), sandboxUrl: sandbox?.url ?? '' };
  for (const config of configs) all.push(cleanup.use(open(config, shared)));
  const held = cleanup.move();
  return { configs, all, shape: shapeOf(configs), sandbox, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Each destination in its own form; one that is not configured any more keeps Mixpanel's. */
function shapeOf(configs: readonly DestinationConfig[]): Shape {
  const bloomreach = new Map(configs.flatMap((one) => (one.type === 'bloomreach' ? [[one.name, one] as const] : [])));
  return (output, context, destination) => {
    const config = bloomreach.get(destination);
    return config === undefined ? shapeOutput(output, context) : shapeCommand(output, context, config);
  };
}

type Shared = {
  readonly settings: Settings;
  readonly clock: Clock;
  /** Bloomreach counts what comes from the relay's address, whichever project it is for. */
  readonly pacer: Pacer;
  readonly sandboxUrl: string;
};

function open(config: DestinationConfig, { settings, clock, pacer, sandboxUrl }: Shared): Destination {
  switch (config.type) {
    case 'mixpanel':
      return openMixpanel(config, settings, clock);
    case 'sandbox':
      return openMixpanel(
        {
          ...{ name: config.name, type: 'mixpanel', token: SANDBOX_TOKEN, baseUrl: sandboxUrl },
          ...{ format: settings.mixpanel.trackFormat, import: 'auto', identity: 'simplified', serviceAccount: null },
        },
        settings,
        clock,
      );
    case 'bloomreach':
      return createBloomreach({
        ...config,
        ...{ clock, pacer, version },
        timeoutMs: settings.sendTimeoutMs,
        concurrency: settings.sendConcurrency,
      });
  }
}

function openMixpanel({ name, baseUrl, token, format }: MixpanelConfig, settings: Settings, clock: Clock): Destination {
  return createMixpanel({
    ...{ name, baseUrl, token, format, clock, version },
    timeoutMs: settings.sendTimeoutMs,
    concurrency: settings.sendConcurrency,
  });
}
