import { describe, expect, it } from 'vitest';
import { formatTime, parseTime } from '../../src/verify/timestamp.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: null };
const whsec = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
const timed = [sourceOf('stripe'), sourceOf('slack'), sourceOf('standard-webhooks', { secrets: whsec })];

describe.each(timed)('a signed time of $name', (source) => {
  const verifier = createVerifier(source, options);
  const signed = requestOf('{}', verifier.sign(requestOf('{}'), now).headers);

  it('is accepted up to 300 s before and after', () => {
    for (const at of [now, now + 300_000, now - 300_000]) expect(verifier.check(signed, at).ok).toBe(true);
  });

  it('is refused beyond that, both ways', () => {
    for (const at of [now + 300_001, now - 300_001, now + 86_400_000])
      expect(verifier.check(signed, at).ok).toBe(false);
  });

  it("is held against the source's own tolerance", () => {
    const narrow = createVerifier({ ...source, toleranceMs: 10_000 }, options);
    expect(narrow.check(signed, now + 10_000).ok).toBe(true);
    expect(narrow.check(signed, now + 10_001).ok).toBe(false);
    const wide = createVerifier({ ...source, toleranceMs: 86_400_000 }, options);
    expect(wide.check(signed, now + 86_400_000).ok).toBe(true);
  });

  it('is not spoken of when the signature is wrong', () => {
    const verdict = verifier.check({ ...signed, body: Buffer.from('{"a":1}') }, now + 86_400_000);
    expect(verdict).toMatchObject({ ok: false, reason: expect.stringContaining('no signature') });
    expect(verifier.check(signed, now + 86_400_000)).toMatchObject({ reason: expect.stringContaining('86400 s old') });
  });
});

it('a tolerance that is nothing is a mistake, and one without a signed time a warning', () => {
  expect(() => createVerifier(sourceOf('stripe', { toleranceMs: 0 }), options)).toThrow(/tolerance/);
  expect(createVerifier(sourceOf('github', { toleranceMs: 1000 }), options).warnings).toHaveLength(1);
  expect(createVerifier(sourceOf('github'), options).warnings).toEqual([]);
});

describe('the text of a time', () => {
  it.each([
    ['1700000000', 's', 1_700_000_000_000],
    ['1700000000123', 'ms', 1_700_000_000_123],
    ['2020-01-01T00:00:00-07:00', 'rfc3339', 1_577_862_000_000],
    ['2020-01-01T00:00:00Z', 'rfc3339', 1_577_836_800_000],
    ['2019-11-16T10:11:12.634234626Z', 'rfc3339', 1_573_899_072_634],
    ['Thu, 04 Jan 2024 18:05:25 GMT', 'any', 1_704_391_525_000],
    ['1704391525', 'any', 1_704_391_525_000],
    ['1704391525000', 'any', 1_704_391_525_000],
    ['2024-01-04T18:05:25+00:00', 'any', 1_704_391_525_000],
  ] as const)('%s is read as %s', (text, unit, time) => {
    expect(parseTime(text, unit)).toBe(time);
  });

  it.each([
    ['', 's'],
    ['-1', 's'],
    ['+1', 's'],
    [' 1700000000', 's'],
    ['1700000000.5', 's'],
    ['1e9', 's'],
    ['0x10', 's'],
    ['1700000000, 1700000000', 's'],
    ['123456789012345', 'ms'],
    ['2020-01-01', 'rfc3339'],
    ['2020-01-01T00:00:00', 'rfc3339'],
    ['2020-13-01T00:00:00Z', 'rfc3339'],
    ['Wed, 01 Jan 2020 00:00:00 GMT', 'rfc3339'],
    ['Thu, 04 Jan 2024 18:05:25 PST', 'any'],
    ['Thu, 04 Foo 2024 18:05:25 GMT', 'any'],
    ['4 Jan 2024', 'any'],
    ['2024', 'rfc3339'],
    ['', 'any'],
  ] as const)('%j is no time in %s', (text, unit) => {
    expect(parseTime(text, unit)).toBeNull();
  });

  it('is written as it is read', () => {
    for (const unit of ['s', 'ms', 'rfc3339', 'any'] as const) expect(parseTime(formatTime(now, unit), unit)).toBe(now);
  });
});
