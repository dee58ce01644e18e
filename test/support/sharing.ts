/** Two relays that send to one destination, each with a queue of its own, on one clock that stands; who sends is said by the test. */
import type { Destination, SendResult } from '../../src/destinations/contract.ts';
import type { LeasedEvent, Outcome } from '../../src/model.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createFakeSenders, type FakeSenders } from './fake-senders.ts';
import { openSending, type Sending, type SendingOptions } from './sending.ts';

export type Request = { readonly relay: string; readonly at: number; readonly events: number };

type Relay = Sending & { put(count: number, route?: 'profile_once'): void };
type Name = 'one' | 'other';

export type Sharing = AsyncDisposable & {
  readonly one: Relay;
  readonly other: Relay;
  readonly clock: FakeClock;
  readonly senders: FakeSenders;
  readonly requests: readonly Request[];
  /** What the next requests come to; then all are delivered. */
  readonly answers: Outcome[];
  /** Requests wait for this before they are answered. */
  holding: Promise<void> | null;
};

export type SharingOptions = SendingOptions & {
  /** Who sends at the start; default: `one`. Null: nobody. */
  readonly sender?: Name | null;
};

export function openSharing({ sender = 'one', ...options }: SharingOptions = {}): Sharing {
  const clock = createFakeClock();
  const senders = createFakeSenders(clock);
  const requests: Request[] = [];
  const answers: Outcome[] = [];
  let made = 0;

  const destinationOf = (relay: Name): Destination => ({
    ...{ name: 'mixpanel', address: 'test', eventAgeMaxMs: null, probe: null },
    sizeOf: ({ json }) => json.length,
    async send(events): Promise<SendResult> {
      requests.push({ relay, at: clock.monotonic(), events: events.length });
      const outcome = answers.shift() ?? { kind: 'delivered' };
      await sharing.holding;
      return { outcome, status: 200, durationMs: 0, bytes: 0 };
    },
    [Symbol.asyncDispose]: async () => {},
  });
  const event = (route?: 'profile_once'): Omit<LeasedEvent, 'position' | 'attempts'> => ({
    ...{ id: `evt_${++made}-0`, source: 'shop', delivery: `dlv_${made}`, destination: 'mixpanel', json: '{}' },
    ...{ time: clock.now(), receivedAt: clock.now(), ...(route ? { update: { route, key: `k${made}` } } : null) },
  });

  const relay = (name: Name): Relay => {
    const sending = openSending(destinationOf(name), clock, { sendership: senders.of(name), ...options });
    sending.forwarder.start();
    const put = (count: number, route?: 'profile_once') =>
      sending.keeper.put(Array.from({ length: count }, () => event(route)));
    return { ...sending, put };
  };

  if (sender) senders.make(sender);
  const sharing: Sharing = {
    ...{ clock, senders, requests, answers, holding: null, one: relay('one'), other: relay('other') },
    async [Symbol.asyncDispose]() {
      sharing.holding = null;
      for (const sending of [sharing.one, sharing.other]) await sending.stop();
    },
  };
  return sharing;
}
