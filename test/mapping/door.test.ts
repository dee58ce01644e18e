import { afterAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { mapOne, source } from '../support/mapping.ts';

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

const view = {
  method: 'POST',
  headers: { 'x-acme-id': 'id-1' },
  query: { n: '7' },
  body: { id: 42, a: 'a'.repeat(40) },
};
const ask = (deliveryId: string | null) => runner.doorId(source('acme', { deliveryId }), view);

describe('the id of a custom delivery', () => {
  it('is what the expression gives, from the very first on', async () => {
    expect(await ask('$headers."x-acme-id"')).toBe('id-1');
    expect(await ask('$query.n & "-" & id')).toBe('7-42');
  });

  it('is a text also when the expression gives a number', async () => {
    expect(await ask('id')).toBe('42');
  });

  it.each(['nothing', 'null', '{"a": 1}', '""', 'id + "x"', 'id +'])(
    'is none when the expression gives %s',
    async (text) => {
      expect(await ask(text)).toBeNull();
    },
  );

  it('is none without an expression', async () => {
    expect(await ask(null)).toBeNull();
  });

  it('is none soon when the expression hangs, which is then not asked again for a while', async () => {
    const hanging = '$contains(a & "b", /^(a+)+$/)';
    const began = systemClock.monotonic();
    expect(await ask(hanging)).toBeNull();
    expect(systemClock.monotonic() - began).toBeLessThan(1_000);
    // On a busy machine the door gives up a moment before the evaluator is ended and the expression shut.
    let tookMs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 5 && tookMs >= 50; tries++) {
      const again = systemClock.monotonic();
      expect(await ask(hanging)).toBeNull();
      tookMs = systemClock.monotonic() - again;
    }
    expect(tookMs).toBeLessThan(50);
    // Others are answered as soon as the next evaluator is there.
    await vi.waitFor(async () => expect(await ask('id')).toBe('42'), { timeout: 10_000, interval: 10 });
  });

  it('does not wait for a mapping that hangs', async () => {
    let isMapped = false;
    const mapped = mapOne(runner, '$contains(a & "z", /^(a+)+$/)', view.body).finally(() => {
      isMapped = true;
    });
    expect(await ask('id')).toBe('42');
    expect(isMapped).toBe(false);
    expect(await mapped).toMatchObject({ ok: false });
  });
});
