import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diff } from '../../src/cli/diff.ts';
import { differencesOf } from '../../src/cli/differences.ts';
import { apiDelivery, apiEvent, apiRelay } from '../support/api-relay.ts';
import { call } from '../support/cli-folders.ts';
import { temporaryFolder } from '../support/program.ts';

const paid = (amount: unknown, id: string) => ({ event: 'Paid', properties: { amount, $insert_id: id } });

/** Three deliveries: one stays, one changes, one failed and is mended; `fails` is what the changed mapping fails on. */
async function compared(options: { last?: string; fails?: string; json?: boolean; broken?: string } = {}) {
  const deliveries = [
    apiDelivery('dlv_same', { events: [apiEvent(paid(1, 'a'))] }),
    apiDelivery('dlv_other', {
      events: [
        apiEvent(paid('old', 'b'), 'evt_2-0'),
        apiEvent(paid(2, 'b'), 'evt_2-0~rpl_1'),
        apiEvent(paid(9, 'z'), 'evt_2-0-x', { destination: 'second' }),
      ],
    }),
    apiDelivery('dlv_failed', { state: 'failed' }),
  ];
  const after: Record<string, unknown> = {
    dlv_same: paid(1, 'a'),
    dlv_other: paid('2', 'b'),
    dlv_failed: paid(3, 'c'),
  };
  await using relay = await apiRelay(({ path, json }, response) => {
    if (path === '/api/deliveries') return { items: deliveries, next: null };
    if (path === '/api/sources/shop/preview') {
      const { delivery } = json as { delivery?: string };
      if (delivery === options.fails || options.broken) {
        const where = options.broken ? { code: 'S0202', line: 1, column: 3 } : { code: 'T0410', line: 2, column: 5 };
        response.writeHead(422).end(JSON.stringify({ title: 'The mapping fails', message: 'said why', ...where }));
        return null;
      }
      return { events: [after[delivery as string]], broken: [] };
    }
    return deliveries.find(({ id }) => path === `/api/deliveries/${id}`);
  });
  using folder = temporaryFolder('diff');
  const mapping = join(folder.path, 'new.jsonata');
  writeFileSync(mapping, '{"event": "Paid"}');
  const last = options.last === undefined ? {} : { last: options.last };
  const said = await call(
    (context) => diff({ source: 'shop', mapping, url: relay.url, ...last }, context),
    options.json,
  );
  return { ...said, asked: relay.asked };
}

describe('trackrelay diff', () => {
  it('shows what would change place by place, against the newest that was sent to the first destination', async () => {
    const { code, out, err, asked } = await compared();
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^≠ dlv_other {2}paid {2}2026/),
      '    event[0].properties.amount  before 2  after "2"',
      expect.stringMatching(/^≠ dlv_failed {2}paid {2}2026.* failed before$/),
      expect.stringMatching(/^ {4}event\[0\] {2}before nothing {2}after \{"event":"Paid"/),
      '',
    ]);
    expect(err).toContain('Looked at the last 3 deliveries of shop: 2 would differ.');
    expect(err).toContain('1 that failed would not: trackrelay replay --remap --source shop --state failed');
    expect(code).toBe(0);
    expect(asked[0]?.query.get('limit')).toBe('50');
  });

  it('gives the same as JSON', async () => {
    const { out } = await compared({ json: true });
    expect(JSON.parse(out)).toMatchObject({
      looked: 3,
      differ: 2,
      deliveries: [
        { delivery: 'dlv_other', differences: [{ path: '0.properties.amount', before: '2', after: '"2"' }] },
        { delivery: 'dlv_failed', state: 'failed' },
      ],
    });
  });

  it('is 1 when it fails where the mapping that runs did not, and 0 where that failed too', async () => {
    const worse = await compared({ fails: 'dlv_same' });
    expect(worse).toMatchObject({ code: 1, out: expect.stringContaining('said why (2:5)') });
    expect(await compared({ fails: 'dlv_failed' })).toMatchObject({ code: 0 });
  });

  it('shows the mistake of a mapping that does not compile, once', async () => {
    const { code, out, err } = await compared({ broken: 'yes' });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/new\.jsonata:1:3 {2}S0202 {2}said why/);
    expect(err).toMatch(/│ +\^/);
  });

  it('refuses a count that is none, and is 3 when the relay is not reachable', async () => {
    for (const last of ['0', '-1', 'all', '1001']) expect(await compared({ last })).toMatchObject({ code: 2 });
    using folder = temporaryFolder('diff');
    const mapping = join(folder.path, 'm');
    writeFileSync(mapping, '1');
    const nobody = { source: 'shop', mapping, url: 'http://127.0.0.1:1' };
    expect(await call((context) => diff(nobody, context))).toMatchObject({ code: 3 });
  });
});

it('pairs events by their identity, then by their order', () => {
  const before = [paid(1, 'a'), paid(2, 'b'), { event: 'Gone', properties: {} }];
  const after = [{ event: 'New', properties: {} }, paid(1, 'a'), paid(3, 'b')];
  expect(differencesOf(before, after)).toEqual([
    { path: '2.properties.amount', before: '2', after: '3' },
    { path: '0.event', before: '"Gone"', after: '"New"' },
  ]);
  expect(differencesOf(before, before)).toEqual([]);
});
