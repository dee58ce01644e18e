import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatRate, parseDuration, parseRate } from '../../src/config/kinds.ts';
import { nearest } from '../../src/config/nearest.ts';

describe('rates', () => {
  it.each([
    ['6000/min', 6000, 60_000],
    ['100/s', 100, 1_000],
    ['5/h', 5, 3_600_000],
    ['0.5/s', 1, 2_000],
    ['0.25/min', 1, 240_000],
    ['1.5/s', 1, 667],
  ])('%s has a whole count in a window that keeps the rate', (text, count, windowMs) => {
    expect(parseRate(text)).toEqual({ ok: true, value: { count, windowMs } });
  });

  it('a window never outgrows what a timer takes', () => {
    expect(parseRate('0.0001/h')).toEqual({ ok: true, value: { count: 1, windowMs: 2_147_483_647 } });
  });

  it('any positive number keeps its rate within a millisecond of its window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom('s', 'min', 'h'), (hundredths, unit) => {
        const wanted = hundredths / 100;
        const parsed = parseRate(`${wanted}/${unit}`);
        if (!parsed.ok) throw new Error(parsed.problem);
        const { count, windowMs } = parsed.value;
        const unitMs = { s: 1_000, min: 60_000, h: 3_600_000 }[unit] as number;
        expect(Number.isInteger(count) && count >= 1).toBe(true);
        expect(Math.abs((unitMs * count) / wanted - windowMs)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  it.each(['0/s', '0.0/min', '-1/s', '1/ms', '1 /s', '1/S', '.5/s', 'Infinity/s', '1e5/s', ''])(
    '%j is refused',
    (text) => {
      expect(parseRate(text).ok).toBe(false);
    },
  );

  it('are shown as they are written', () => {
    expect(formatRate({ count: 600, windowMs: 60_000 })).toBe('600/min');
    expect(formatRate({ count: 1, windowMs: 2_000 })).toBe('1/2s');
  });
});

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['2s', 2_000],
    ['5m', 300_000],
    ['72h', 259_200_000],
    ['1.5s', 1_500],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
  });

  it.each(['5', '5 s', '-5s', '5d', '5min', 's', '', '1e3s', `${'9'.repeat(400)}s`])('%j is refused', (text) => {
    expect(parseDuration(text).ok).toBe(false);
  });

  it('any is read back as the same', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 9 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toEqual({ ok: true, value: ms });
      }),
    );
  });
});

describe('the nearest word', () => {
  it.each([
    ['secert', 'secret'],
    ['Provider', 'provider'],
    ['toleranc', 'tolerance'],
  ])('of %s is %s', (given, word) => {
    expect(nearest(given, ['provider', 'secret', 'tolerance'])).toBe(word);
  });

  it('is none when nothing is near', () => {
    expect(nearest('zzzzzz', ['provider', 'secret'])).toBeUndefined();
  });

  it('is not sought for a text of any length', () => {
    expect(nearest('a'.repeat(100_000), ['a'.repeat(100_000)])).toBeUndefined();
  });
});
