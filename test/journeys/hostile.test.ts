/** Hostile mappings beside a normal source under load: they fail alone, and nobody else notices (R14). */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { numberedMapping } from '../support/oracle.ts';
import { until } from '../support/program.ts';

const double = '$double := function($s, $n) { $n = 0 ? $s : $double($s & $s, $n - 1) }';

const hostile: Readonly<Record<string, readonly [mapping: string, reasons: RegExp]>> = {
  'endless-tail-call': ['($f := function($x) { $f($x + 1) }; $f(1))', /^mapping_timeout$/],
  'endless-recursion': ['($f := function($x) { 1 + $f($x) }; $f(1))', /^mapping_(error|crash)$/],
  backtracking: ['$contains($substring(filler, 0, 40) & "b", /^(f+)+$/)', /^mapping_timeout$/],
  'memory-bomb': [`(${double}; $double("x", 40))`, /^mapping_(error|crash|timeout)$/],
  'large-lists': ['[1..9999].[1..9999]', /^mapping_(output|timeout|crash|error)$/],
  'too-many-outputs': ['[1..10001].{"event": "Numbered"}', /^mapping_output$/],
  'no-event': ['"just a text"', /^mapping_output$/],
  throws: ['$error("no")', /^mapping_error$/],
  // Refused when it is loaded: there is no such function here.
  evaluates: ['$eval("1")', /^mapping_missing$/],
};

it('fails alone, with its reason, while the others are served', { timeout: 90_000 }, async () => {
  const folders = Object.entries(hostile).map(([name, [mapping]]) => [name, { mapping }] as const);
  await using journey = await Journey.open('hostile', {
    sources: { numbered: { mapping: numberedMapping }, ...Object.fromEntries(folders) },
  });
  const { oracle, sandbox } = journey;
  const { pid } = await journey.start();
  const crowd = journey.crowd(8, 'numbered', { restMs: 10 });
  for (let round = 0; round < 2; round++) {
    for (const name of Object.keys(hostile)) {
      const webhook = oracle.excuse(oracle.make(name, 60));
      expect((await journey.sendThis(webhook)).status).toBe(200);
    }
  }
  const letters = () =>
    journey.relay.api<{ items: { source: string; reason: string; kind: string; message: string }[] }>(
      '/api/dead-letters?limit=500',
    );
  await until(async () => (await letters()).items.length === 2 * folders.length, 'a dead letter of each', 40_000);
  for (const { source, reason, kind, message } of (await letters()).items) {
    expect(kind).toBe('mapping');
    expect(reason, source).toMatch(hostile[source]?.[1] ?? /none/);
    expect(message, source).not.toBe('');
  }
  await crowd.stop();
  await journey.settled();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses)).toEqual(['200']);
  expect(oracle.p99Ms()).toBeLessThan(1_000);
  expect(journey.relay.pid).toBe(pid);
  const { sources } = await journey.health();
  for (const name of Object.keys(hostile)) {
    expect(sources[name]).toMatchObject({ accepted: 2, map_failed: 2, delivered: 0, dead: 0, waiting: 0 });
  }
  expect(sources.numbered).toMatchObject({ map_failed: 0, waiting: 0, delivered: oracle.owedOf('numbered') });
});

it('a flood of one hostile source does not keep the others waiting', { timeout: 60_000 }, async () => {
  await using journey = await Journey.open('flood', {
    sources: { numbered: {}, hostile: { mapping: hostile.backtracking?.[0] ?? '' } },
  });
  const { oracle, sandbox } = journey;
  await journey.start();
  for (let count = 0; count < 30; count++) await journey.sendThis(oracle.excuse(oracle.make('hostile', 60)));
  const began = performance.now();
  await journey.sendFresh();
  await journey.arrived(5_000);
  console.info(`behind 30 hostile deliveries a fresh event took ${Math.round(performance.now() - began)} ms`);
  expect(oracle.differences(sandbox)).toEqual([]);
});
