import { expect, it } from 'vitest';
import { privateHealth, publicHealth } from '../../src/observe/health.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { NOW, snapshot, sourceStatus, tally, unmappedType } from '../support/observe-fixtures.ts';

async function series(unmapped: ReturnType<typeof unmappedType>[]): Promise<string[]> {
  const metrics = createMetrics({ version: '0.1.0', nodeVersion: 'v26' });
  const text = await metrics.text({ now: NOW, tally: tally(), unmapped, circuits: [], limitsApart: null });
  return text.split('\n').filter((line) => line.startsWith('relay_unmapped_deliveries{'));
}

it('health shows each source what of it falls through, with the newest delivery', () => {
  const unmapped = [
    unmappedType({ skipped: 3, failed: 1 }),
    unmappedType({ type: null }),
    unmappedType({ source: 'gone', type: 'old' }),
  ];
  const { sources } = privateHealth(snapshot({ unmapped, sources: [sourceStatus(), sourceStatus({ name: 'shop' })] }));
  expect(sources.stripe?.unmapped).toEqual([
    {
      type: 'charge.pending',
      skipped: 3,
      failed: 1,
      last_delivery: 'dlv_1',
      last_at: '2026-11-21T10:04:10.000Z',
      since: '2026-11-21T10:03:11.000Z',
    },
    expect.objectContaining({ type: null, skipped: 1, failed: 0 }),
  ]);
  expect(sources.shop?.unmapped).toEqual([]);
});

it('the public health names no type, and nothing that falls through is a warning', () => {
  const report = publicHealth(snapshot({ unmapped: [unmappedType({ failed: 9 })] }));
  expect(report.status).toBe('pass');
  expect(JSON.stringify(report)).not.toContain('charge.pending');
});

it('metrics have a series for each type and state that occurs', async () => {
  expect(await series([unmappedType({ skipped: 3, failed: 1 }), unmappedType({ type: null })])).toEqual([
    'relay_unmapped_deliveries{source="stripe",type="charge.pending",state="skipped"} 3',
    'relay_unmapped_deliveries{source="stripe",type="charge.pending",state="failed"} 1',
    'relay_unmapped_deliveries{source="stripe",type="(none)",state="skipped"} 1',
  ]);
});

it('metrics have the fifty highest series of all sources and no more', async () => {
  const many = Array.from({ length: 120 }, (_, at) =>
    unmappedType({ source: `s${at % 3}`, type: `t${at}`, skipped: at, failed: at + 1 }),
  );
  const lines = await series(many);
  expect(lines).toHaveLength(50);
  expect(lines[0]).toBe('relay_unmapped_deliveries{source="s2",type="t119",state="failed"} 120');
  expect(lines.some((line) => line.includes('type="t80"'))).toBe(false);
});

it('a type cannot break out of its label', async () => {
  const [line] = await series([unmappedType({ type: 'a"} 1\nrelay_build_info{x="\\' })]);
  expect(line).toBe(
    'relay_unmapped_deliveries{source="stripe",type="a\\"} 1\\nrelay_build_info{x=\\"\\\\",state="skipped"} 1',
  );
});
