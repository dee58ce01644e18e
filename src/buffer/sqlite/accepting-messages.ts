/**
 * Deliveries as one message to the store's thread. The main thread's share is a copy of the body and some strings; objects
 * are not cloned one by one.
 */
import type { Incoming } from '../accept-lane.ts';
import type { Accepted } from '../contract.ts';
import type { Link } from './link.ts';
import { acceptedStride } from './messages.ts';

export async function sendDeliveries(link: Link, batch: readonly Incoming[]): Promise<readonly Accepted[]> {
  const rows = new Array<string | number | null>(batch.length * acceptedStride);
  let bytes = 0;
  for (const { delivery } of batch) bytes += delivery.body.byteLength;
  const bodies = new Uint8Array(bytes);
  let at = 0;
  let bodyAt = 0;
  for (const { id, delivery, head } of batch) {
    rows[at++] = id;
    rows[at++] = delivery.source;
    rows[at++] = delivery.provider;
    rows[at++] = delivery.key;
    rows[at++] = delivery.type;
    rows[at++] = delivery.receivedAt;
    rows[at++] = head;
    rows[at++] = delivery.body.byteLength;
    bodies.set(delivery.body, bodyAt);
    bodyAt += delivery.body.byteLength;
  }
  const answer = await link.ask('accept', { rows, bodies: bodies.buffer }, [bodies.buffer]);
  return batch.map(({ id }, index): Accepted => {
    if ('full' in answer) return { status: 'full', retryAfterSeconds: answer.retryAfterSeconds };
    const firstId = answer.firstIds[index] ?? null;
    return firstId === null ? { status: 'accepted', id } : { status: 'duplicate', id: firstId };
  });
}
