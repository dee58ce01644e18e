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

/** Each destination in its own form and by its own rules; one that is not configured any more keeps Mixpanel's. */
export function shapeOf(configs: readonly DestinationConfig[]): Shape {
  const byName = new Map(configs.map((config) => [config.name, config]));
  return (output, context, destination) => {
    const config = byName.get(destination);
    if (config?.type === 'bloomreach') return shapeCommand(output, context, config);
    return config?.type === 'mixpanel' ? shapeOutput(output, context, config) : shapeOutput(output, context);
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
      return openMixpanel(config, { settings, clock, recognises: true });
    case 'sandbox':
      return openMixpanel(
        {
          ...{ name: config.name, type: 'mixpanel', token: SANDBOX_TOKEN, baseUrl: sandboxUrl },
          ...{
            format: settings.mixpanel.trackFormat,
            import: settings.mixpanel.import,
            identity: 'simplified',
            serviceAccount: null,
          },
        },
        { settings, clock, recognises: false },
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

type MixpanelUse = {
  readonly settings: Settings;
  readonly clock: Clock;
  /** The sandbox knows any token. */
  readonly recognises: boolean;
};

function openMixpanel(config: MixpanelConfig, { settings, clock, recognises }: MixpanelUse): Destination {
  const { name, baseUrl, token, format, serviceAccount } = config;
  return createMixpanel({
    ...{ name, baseUrl, token, format, serviceAccount, recognises, clock, version },
    import: config.import,
    timeoutMs: settings.sendTimeoutMs,
    concurrency: settings.sendConcurrency,
  });
}
