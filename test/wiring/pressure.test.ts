import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createPressure } from '../../src/wiring/pressure.ts';

function scene() {
  let at = 0;
  const pressure = createPressure({ ...systemClock, monotonic: () => at });
  /** Webhooks at a steady rate for so long. */
  const traffic = (perSecond: number, ms: number) => {
    for (let step = 0; step < ms / 10; step++) {
      at += 10;
      for (let each = 0; each < perSecond / 100; each++) pressure.webhook();
    }
  };
  return { pressure, traffic };
}

it('gives accepting priority while a burst comes in', () => {
  const { pressure, traffic } = scene();
  traffic(20_000, 500);
  expect(pressure.busy()).toBe(true);
});

it('gives mapping its turn at the pace of every day', () => {
  const { pressure, traffic } = scene();
  traffic(2_000, 3_000);
  expect(pressure.busy()).toBe(false);
});

it('gives mapping its share when a burst does not end', () => {
  const { pressure, traffic } = scene();
  traffic(20_000, 3_500);
  expect(pressure.busy()).toBe(true);
  traffic(20_000, 1_000);
  expect(pressure.busy()).toBe(false);
  traffic(20_000, 60_000);
  expect(pressure.busy()).toBe(false);
});

it('takes what comes after a quiet time for a new burst', () => {
  const { pressure, traffic } = scene();
  traffic(20_000, 6_000);
  traffic(0, 100);
  expect(pressure.busy()).toBe(false);
  traffic(100, 2_000);
  traffic(20_000, 500);
  expect(pressure.busy()).toBe(true);
});

it('is not busy any more soon after a burst', () => {
  const { pressure, traffic } = scene();
  traffic(20_000, 1_000);
  traffic(0, 1_200);
  expect(pressure.busy()).toBe(false);
});
