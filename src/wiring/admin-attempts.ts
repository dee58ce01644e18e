/** Wrong tokens at the private port, counted by address like refusals at the public one. */
import type { Attempts } from '../admin/guards.ts';
import type { Clock } from '../clock.ts';
import { addressKey } from '../intake/limits.ts';
import { WindowStore } from '../intake/window-store.ts';

/** A person who mistypes needs three; a script that was given the wrong token is found out within the minute. */
const WRONG_MAX = 20;
const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 10_000;

export function adminAttempts(clock: Clock): Attempts {
  const store = new WindowStore({ name: 'admin', windowMs: WINDOW_MS, keysMax: ADDRESSES_MAX, clock });
  return {
    wrong: (address) => void store.increment(addressKey(address)),
    overMs: (address) => (store.hits(addressKey(address)) >= WRONG_MAX ? store.leftMs(addressKey(address)) : 0),
  };
}
