/**
 * Senders that tell the same thing again in another webhook: HubSpot groups what failed anew, WooCommerce sends the whole
 * order at every touch. Mixpanel drops a copy only when event, time, distinct_id and `$insert_id` all agree.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { mapOne, shape } from '../support/mapping.ts';

type Sent = { readonly event: string; readonly properties: Readonly<Record<string, unknown>> };

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

const root = join(import.meta.dirname, '../../mappings');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const payload = (source: string, name: string) => JSON.parse(read(`${source}/cases/${name}.payload.json`));

let webhooks = 0;
/** What Mixpanel compares, of each event that a webhook becomes; every webhook is a delivery of its own. */
async function identities(source: string, body: unknown, headers = {}): Promise<string[]> {
  const result = await mapOne(runner, read(`${source}/mapping.jsonata`), body, { headers });
  if (!result.ok) throw new Error(result.message);
  const identity = `dlv_${webhooks++}`;
  return result.outputs.flatMap((output, index) => {
    const shaped = shape(output, { source, identity, receivedAt: 0, index, now: Number.MAX_SAFE_INTEGER }, 'mixpanel');
    if (!shaped.ok) throw new Error(shaped.message);
    const sent = shaped.records.map(({ json }) => JSON.parse(json) as Partial<Sent>);
    return sent.flatMap(({ event, properties }) =>
      event === undefined || properties === undefined
        ? []
        : [JSON.stringify([event, properties.time, properties.distinct_id, properties.$insert_id])],
    );
  });
}

describe('an element of HubSpot', () => {
  const elements: Record<string, unknown>[] = payload('hubspot', 'deals-and-tickets');

  it('is the same event in any list, at any attempt', async () => {
    const first = await identities('hubspot', elements);
    const again = elements.map((one) => ({ ...one, attemptNumber: 3 })).reverse();
    const later = [
      ...(await identities('hubspot', again.slice(0, 1))),
      ...(await identities('hubspot', again.slice(1))),
    ];
    expect(first).toHaveLength(elements.length);
    expect(later.reverse()).toEqual(first);
  });

  it.each([{ eventId: 99 }, { subscriptionId: 99 }, { occurredAt: 1795071600001 }, { objectId: 99 }])(
    'is another event with another %o',
    async (other) => {
      const [one] = elements;
      expect(new Set(await identities('hubspot', [one, { ...one, ...other }])).size).toBe(2);
    },
  );
});

describe('an order of WooCommerce', () => {
  const headers = { 'x-wc-webhook-topic': 'order.updated', 'x-wc-webhook-source': 'https://shop.example.com/' };
  const order = payload('woocommerce', 'order-placed-and-paid');
  const refunded = payload('woocommerce', 'order-refunded-twice-in-dinar');

  it('is paid once, though it is touched again within the day', async () => {
    const [paid] = await identities('woocommerce', order, headers);
    const touched = { ...order, status: 'completed', date_modified_gmt: '2026-11-20T18:00:00' };
    expect(paid).toContain('Order Paid');
    expect(await identities('woocommerce', touched, headers)).toEqual([paid]);
  });

  it('is no event when it is touched long after', async () => {
    const touched = { ...order, date_modified_gmt: '2026-12-24T18:00:00' };
    expect(await identities('woocommerce', touched, headers)).toEqual([]);
  });

  it('has each refund once, however often it is touched and whatever is refunded next', async () => {
    const before = await identities('woocommerce', refunded, headers);
    const third = { id: 742, reason: '', total: '-0.500' };
    const touched = {
      ...refunded,
      status: 'refunded',
      date_modified_gmt: '2026-12-24T18:00:00',
      refunds: [third, ...refunded.refunds],
    };
    const after = await identities('woocommerce', touched, headers);
    expect(new Set(before).size).toBe(2);
    expect(after.slice(1)).toEqual(before);
    expect(before).not.toContain(after[0]);
  });

  it.each(['cancelled', 'failed'])('is %s once, whoever touches it later', async (status) => {
    const ended = { ...order, status, date_paid_gmt: null };
    const first = await identities('woocommerce', ended, headers);
    const later = await identities('woocommerce', { ...ended, date_modified_gmt: '2026-12-24T18:00:00' }, headers);
    expect(first).toHaveLength(1);
    expect(later).toEqual(first);
  });

  it('of another shop is another order', async () => {
    const other = { ...headers, 'x-wc-webhook-source': 'https://other.example.com/' };
    expect(await identities('woocommerce', order, other)).not.toEqual(await identities('woocommerce', order, headers));
  });
});
