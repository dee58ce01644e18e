import { describe, expect, it } from 'vitest';
import { type HealthSnapshot, healthStatusCode, privateHealth, publicHealth } from '../../src/observe/health.ts';
import { destinationStatus, NOW, snapshot, sourceStatus, sourceTally, tally } from '../support/observe-fixtures.ts';

const MINUTE = 60_000;

describe('the whole status', () => {
  it('is pass when nothing is the matter', () => {
    const report = publicHealth(snapshot());
    expect(report).toMatchObject({ status: 'pass', version: '0.1.0' });
    expect(healthStatusCode(report)).toBe(200);
  });

  const warnings: [string, Partial<HealthSnapshot>][] = [
    ['a destination fails', { destinations: [destinationStatus({ state: 'failing' })] }],
    ['a destination is paused', { destinations: [destinationStatus({ state: 'paused' })] }],
    ['a source is closed', { sources: [sourceStatus({ missing: ['KEY'] })] }],
    ['a source is unverified', { sources: [sourceStatus({ unverified: true })] }],
    ['an older mapping runs', { sources: [sourceStatus({ refused: 'S0203' })] }],
    ['other relays run another mapping', { sources: [sourceStatus({ elsewhere: [{ revision: 'r2', relays: 1 }] })] }],
    ['a folder never loaded', { sources: [sourceStatus({ refused: 'bad', revision: null })] }],
    ['dead letters came in the last hour', { tally: tally({ lastDeadLetterAt: NOW - 59 * MINUTE }) }],
    ['the oldest event waits over 15 minutes', { tally: tally({ oldestWaitingAt: NOW - 15 * MINUTE - 1 }) }],
  ];
  it.each(warnings)('is warn, and still 200, when %s', (_why, given) => {
    const report = publicHealth(snapshot(given));
    expect(report.status).toBe('warn');
    expect(healthStatusCode(report)).toBe(200);
  });

  const fine: [string, Partial<HealthSnapshot>][] = [
    ['the last dead letter is an hour old', { tally: tally({ lastDeadLetterAt: NOW - 60 * MINUTE }) }],
    ['the oldest event waits just 15 minutes', { tally: tally({ oldestWaitingAt: NOW - 15 * MINUTE }) }],
    ['the buffer is nearly full', { tally: tally({ bytesUsed: 9_999 }) }],
    ['there is no source', { sources: [] }],
    ['a source has remarks', { sources: [sourceStatus({ remarks: ['a secret stands in the file'] })] }],
  ];
  it.each(fine)('stays pass when %s', (_why, given) => {
    expect(publicHealth(snapshot(given)).status).toBe('pass');
  });

  const failures: [string, Partial<HealthSnapshot>][] = [
    ['the relay does not accept', { notAccepting: 'stopping' }],
    ['the buffer is full', { tally: tally({ full: 'buffer' }) }],
    ['the disk is full', { tally: tally({ full: 'disk' }) }],
    ['the buffer does not answer', { tally: null }],
  ];
  it.each(failures)('is fail, and 503, when %s', (_why, given) => {
    const report = publicHealth(snapshot({ ...given, sources: [sourceStatus({ unverified: true })] }));
    expect(report.status).toBe('fail');
    expect(report.output).toContain('cannot be accepted');
    expect(healthStatusCode(report)).toBe(503);
  });
});

describe('checks', () => {
  it('have the keys of the contract, each a list of value, unit, status and time', () => {
    const { checks } = publicHealth(snapshot());
    expect(Object.keys(checks).sort()).toEqual([
      'buffer:deliveries_waiting',
      'buffer:events_waiting',
      'buffer:fill_ratio',
      'buffer:oldest_waiting_seconds',
      'dead_letters:count',
      'destination:mixpanel',
      'mappings:loaded',
    ]);
    for (const list of Object.values(checks)) {
      expect(list).toHaveLength(1);
      expect(list[0]).toMatchObject({
        observedUnit: expect.any(String),
        status: 'pass',
        time: '2026-11-21T10:04:11.000Z',
      });
      expect(list[0]).toHaveProperty('observedValue');
    }
  });

  it('count what waits over all sources', () => {
    const sources = { a: sourceTally({ waiting: 2, unmapped: 3 }), b: sourceTally({ waiting: 5, unmapped: 7 }) };
    const { checks } = publicHealth(
      snapshot({
        tally: tally({
          sources,
          oldestWaitingAt: NOW - 1_500,
          bytesUsed: 2_500,
          deadLetters: [
            { source: 'a', reason: 'rejected', count: 2 },
            { source: 'b', reason: 'gave_up', count: 3 },
          ],
        }),
      }),
    );
    expect(checks['buffer:events_waiting']?.[0]?.observedValue).toBe(7);
    expect(checks['buffer:deliveries_waiting']?.[0]?.observedValue).toBe(10);
    expect(checks['buffer:oldest_waiting_seconds']?.[0]?.observedValue).toBe(1.5);
    expect(checks['buffer:fill_ratio']?.[0]?.observedValue).toBe(0.25);
    expect(checks['dead_letters:count']?.[0]?.observedValue).toBe(5);
  });

  it('never show a negative age when the clock went back', () => {
    const { checks } = publicHealth(snapshot({ tally: tally({ oldestWaitingAt: NOW + 5_000 }) }));
    expect(checks['buffer:oldest_waiting_seconds']?.[0]?.observedValue).toBe(0);
  });
});

describe('the public form', () => {
  it('names no source, no variable and no words of a destination', () => {
    const lastError = { reason: 'refused', message: 'words-of-destination', at: NOW };
    const text = JSON.stringify(
      publicHealth(
        snapshot({
          sources: [sourceStatus({ name: 'secretshop', missing: ['SHOP_KEY'], refused: 'line-of-secretshop' })],
          destinations: [destinationStatus({ state: 'failing', lastError })],
          tally: tally({ sources: { secretshop: sourceTally({ waiting: 1 }) } }),
        }),
      ),
    );
    for (const word of ['secretshop', 'SHOP_KEY', 'words-of-destination']) expect(text).not.toContain(word);
  });
});

describe('the private form', () => {
  it('counts so that accepted is what became of all, for a mapping of one event', () => {
    const given = sourceTally({
      accepted: 20,
      duplicates: 4,
      unmapped: 3,
      mapped: 12,
      skipped: 4,
      failed: 1,
      created: 12,
      waiting: 5,
      delivered: 6,
      dead: 1,
      lastAcceptedAt: NOW,
    });
    const report = privateHealth(
      snapshot({ tally: tally({ sources: { stripe: given } }), refusals: () => ({ unverified: 7, limited: 8 }) }),
    );
    const counts = report.sources.stripe;
    expect(counts).toMatchObject({
      status: 'pass',
      accepted: 20,
      duplicates: 4,
      unverified: 7,
      limited: 8,
      skipped: 4,
      map_failed: 1,
      delivered: 6,
      dead: 1,
      waiting: 8,
      last_accepted_at: '2026-11-21T10:04:11.000Z',
    });
    if (!counts) throw new Error('no source');
    expect(counts.delivered + counts.skipped + counts.map_failed + counts.dead + counts.waiting).toBe(counts.accepted);
  });

  it('says of each source why it is not as it should be', () => {
    const sources = [
      sourceStatus({ name: 'closed', missing: ['SHOP_KEY'] }),
      sourceStatus({ name: 'old', refused: 'mapping.jsonata:4:1 S0203' }),
      sourceStatus({ name: 'broken', refused: 'source.yaml:1:1 x', revision: null }),
      sourceStatus({ name: 'well' }),
    ];
    const report = privateHealth(snapshot({ sources }));
    expect(report.sources.closed).toMatchObject({ status: 'warn', reasons: [expect.stringContaining('SHOP_KEY')] });
    expect(report.sources.old).toMatchObject({ status: 'warn', reasons: [expect.stringContaining('S0203')] });
    expect(report.sources.broken?.status).toBe('fail');
    expect(report.sources.well).toMatchObject({ status: 'pass', reasons: [] });
  });

  it('still counts a source whose folder is gone', () => {
    const report = privateHealth(
      snapshot({ sources: [], tally: tally({ sources: { gone: sourceTally({ waiting: 2 }) } }) }),
    );
    expect(report.sources.gone).toMatchObject({ waiting: 2, status: 'pass' });
  });

  it('says of a destination what it said, and when it is asked again', () => {
    const lastError = { reason: 'unauthorized', message: 'invalid token', at: NOW };
    const report = privateHealth(
      snapshot({
        destinations: [
          destinationStatus({ state: 'paused', lastError, nextAttemptAt: NOW + 60_000, rateLimit: 1234.56 }),
        ],
        tally: tally({ waitingByDestination: { mixpanel: 9 } }),
      }),
    );
    expect(report.destinations.mixpanel).toMatchObject({
      status: 'warn',
      waiting: 9,
      next_attempt_at: '2026-11-21T10:05:11.000Z',
      rate_limit: 1234.6,
      last_error: { message: 'invalid token', at: '2026-11-21T10:04:11.000Z' },
    });
  });
});

describe('a mapping that is not the same on all relays', () => {
  const elsewhere = [
    { revision: 'r2', relays: 2 },
    { revision: null, relays: 1 },
  ];
  const given = { sources: [sourceStatus({ elsewhere }), sourceStatus({ name: 'same' })] };

  it('is named with all revisions and how many run which, to the operator', () => {
    const { sources } = privateHealth(snapshot(given));
    expect(sources.stripe).toMatchObject({
      status: 'warn',
      reasons: ['not the same on all relays: mapping r1 here, on others r2 on 2, none on 1'],
    });
    expect(sources.same).toMatchObject({ status: 'pass', reasons: [] });
  });

  it('is only counted in public', () => {
    const report = publicHealth(snapshot(given));
    expect(report.checks['mappings:loaded']).toMatchObject([{ output: '1 not the same on all relays' }]);
    expect(JSON.stringify(report)).not.toMatch(/stripe|r1|r2/);
  });
});

describe('one of several relays', () => {
  const relay = 'rly_1';
  const senders = ['rly_1', 'rly_2', null].map((sender, at) => destinationStatus({ name: `d${at}`, sender }));

  it('says which it is, and of each destination which relay sends there', () => {
    const report = privateHealth(snapshot({ relay, destinations: senders }));
    expect(report.relay).toBe('rly_1');
    expect(Object.values(report.destinations).map(({ sender }) => sender)).toEqual(['this relay', 'rly_2', null]);
    expect(report.status).toBe('pass');
  });

  it('says so to nobody else, and a relay that is alone says nothing of it', () => {
    expect(JSON.stringify(publicHealth(snapshot({ relay, destinations: senders })))).not.toMatch(/rly_|this relay/);
    const alone = privateHealth(snapshot());
    expect(alone).not.toHaveProperty('relay');
    expect(alone.destinations.mixpanel).not.toHaveProperty('sender');
    expect(alone.checks).not.toHaveProperty('limits:door');
  });

  const doorOf = (report: ReturnType<typeof publicHealth>) => report.checks['limits:door']?.[0];
  const apartFor = (ms: number) => snapshot({ limitsApart: { since: NOW - ms, reason: 'no answer within 40 ms' } });

  it('counts at the door together with the others, as a check says', () => {
    const report = publicHealth(snapshot({ limitsApart: null }));
    expect(doorOf(report)).toMatchObject({ observedValue: 'together', observedUnit: 'counting', status: 'pass' });
  });

  it('warns when it counts alone for more than 10 s, with what that means and what to do; of less it only tells', () => {
    const report = privateHealth(apartFor(10_001));
    expect(report.status).toBe('warn');
    expect(doorOf(report)).toMatchObject({ observedValue: 'apart', status: 'warn' });
    for (const words of ['no answer within 40 ms', 'since 2026-11-21T10:04:00.999Z', 'limits.accept', 'disk'])
      expect(doorOf(report)?.output).toContain(words);
    expect(privateHealth(apartFor(10_000)).status).toBe('pass');
    expect(doorOf(privateHealth(apartFor(10_000)))).toMatchObject({ observedValue: 'apart', status: 'pass' });
  });

  it('does not tell everybody what Redis said', () => {
    expect(doorOf(publicHealth(apartFor(60_000)))).toMatchObject({
      status: 'warn',
      output: 'each relay counts by itself',
    });
  });
});
