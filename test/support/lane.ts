/** A whole sending lane for tests: memory keeper, forwarder, Mixpanel client, and the sandbox behind a real socket. */
import type { Destination } from '../../src/destinations/contract.ts';
import { createMixpanel, type MixpanelOptions } from '../../src/destinations/mixpanel/destination.ts';
import type { IdentityRules } from '../../src/destinations/mixpanel/identity.ts';
import { shapeEvent, shapeOutput } from '../../src/destinations/mixpanel/shape.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../src/destinations/sandbox/sandbox.ts';
import type { LeasedEvent } from '../../src/model.ts';
import { createFakeClock } from './fake-clock.ts';
import { CONCURRENCY, openSending, type Sending, type SendingOptions } from './sending.ts';

export type Lane = AsyncDisposable &
  Omit<Sending, 'stop'> & {
    readonly sandbox: Sandbox;
    /** Puts `count` events of a source into the queue; their bytes can be padded. */
    put(
      source: string,
      count: number,
      given?: { readonly padding?: number; readonly time?: number; readonly receivedAt?: number },
    ): void;
    /** Puts what a mapping gives into the queue, as the relay would. */
    give(...outputs: readonly object[]): void;
  };

export type LaneOptions = SendingOptions & {
  readonly format?: 'json' | 'form';
  readonly sandbox?: Partial<SandboxOptions>;
  /** Where to send instead of the sandbox. */
  readonly baseUrl?: string;
  /** To the sandbox, which knows no TLS. */
  readonly scheme?: 'https';
  readonly mixpanel?: Pick<MixpanelOptions, 'import' | 'serviceAccount' | 'recognises'>;
  /** Of what `give` puts. */
  readonly identity?: IdentityRules['identity'];
  /** In place of what Mixpanel's client does. */
  readonly destination?: Partial<Destination>;
};

export const TOKEN = 'project-token-of-the-tests';

export async function openLane(options: LaneOptions = {}): Promise<Lane> {
  const clock = createFakeClock();
  const sandbox = createSandbox({ clock, ...options.sandbox });
  const { url } = await sandbox.listen('127.0.0.1', 0);
  const mixpanel = createMixpanel({
    name: 'mixpanel',
    baseUrl: options.baseUrl ?? (options.scheme ? url.replace('http:', 'https:') : url),
    token: TOKEN,
    format: options.format ?? 'json',
    ...options.mixpanel,
    timeoutMs: 30_000,
    concurrency: options.concurrency ?? CONCURRENCY,
    clock,
  });
  const { stop, ...sending } = openSending({ ...mixpanel, ...options.destination }, clock, options);
  const { keeper } = sending;
  let made = 0;
  const dispose = async () => {
    await stop();
    await mixpanel[Symbol.asyncDispose]();
    await sandbox.close();
  };
  return {
    ...sending,
    sandbox,
    put(source, count, given = {}) {
      const events = Array.from({ length: count }, () => event(source, ++made, clock.now(), given));
      keeper.put(events);
    },
    give(...outputs) {
      const rules = { identity: options.identity ?? 'simplified', import: options.mixpanel?.import ?? 'auto' };
      keeper.put(outputs.flatMap((output) => recordsOf(output, ++made, clock.now(), rules)));
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function recordsOf(
  output: object,
  number: number,
  now: number,
  rules: IdentityRules,
): Omit<LeasedEvent, 'position' | 'attempts'>[] {
  const shaped = shapeOutput(output, { source: 'shop', identity: `d${number}`, receivedAt: now, index: 0, now }, rules);
  if (!shaped.ok) throw new Error(shaped.message);
  const from = { destination: 'mixpanel', source: 'shop', delivery: `dlv_${number}`, receivedAt: now };
  return shaped.records.map((record, part) => ({ id: `evt_${number}-0.${part}`, ...from, ...record }));
}

type Given = { readonly padding?: number; readonly time?: number; readonly receivedAt?: number };

function event(source: string, number: number, now: number, given: Given): Omit<LeasedEvent, 'position' | 'attempts'> {
  const properties: Record<string, unknown> = { number, distinct_id: `user-${number}` };
  if (given.time !== undefined) properties.time = given.time;
  if (given.padding !== undefined) properties.padding = 'x'.repeat(given.padding);
  const receivedAt = given.receivedAt ?? now;
  const shaped = shapeEvent(
    { event: 'Tested', properties },
    { source, identity: `d${number}`, receivedAt, index: 0, now },
  );
  if (!shaped.ok) throw new Error(shaped.message);
  const { json, time } = shaped;
  return { id: `evt_${number}-0`, destination: 'mixpanel', json, time, source, delivery: `dlv_${number}`, receivedAt };
}
