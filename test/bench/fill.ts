/**
 * A backlog, made through the keeper itself: so many webhooks accepted, mapped to one event each, none sent; or all of them dead, or
 * all of them commands for Bloomreach. `node test/bench/fill.ts FOLDER EVENTS [dead | bloomreach]`; a program of its own, so that its memory is nobody else's.
 * In FOLDER's place redis://…: a Redis is filled.
 */
import type { BufferKeeper } from '../../src/buffer/contract.ts';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { shapeCommand } from '../../src/destinations/bloomreach/shape.ts';
import type { ShapeContext, ShapedRecord } from '../../src/destinations/contract.ts';
import { shapeOutput } from '../../src/destinations/mixpanel/shape.ts';
import type { Delivery, RawDelivery, RelayEvent, Verified } from '../../src/model.ts';
import { benchCrm, benchOutput } from './bench-source.ts';
import { benchBody } from './load.ts';
import { openBenchRedis } from './redis-server.ts';

/** Accepts on their way at once, and deliveries mapped at once. */
const AT_ONCE = 4_000;
const MAPPED_AT_ONCE = 1_000;
/** One of so many is of another type, for lists. */
const RARE_EVERY = 1_000;

const [folder = '', wanted = '0', as = ''] = process.argv.slice(2);
const toBloomreach = as === 'bloomreach';
const body = Buffer.from(benchBody);

function webhook(number: number): Verified<RawDelivery> {
  return {
    source: 'bench',
    provider: 'github',
    key: `filled-${number}`,
    type: number % RARE_EVERY === 0 ? 'pull_request.closed' : 'pull_request.opened',
    receivedAt: systemClock.now(),
    method: 'POST',
    headers: {
      host: '127.0.0.1',
      'content-type': 'application/json',
      'x-github-event': 'pull_request',
      'x-github-delivery': `filled-${number}`,
      'x-hub-signature-256': '•••',
      'content-length': String(body.byteLength),
    },
    query: {},
    body,
  } as RawDelivery as Verified<RawDelivery>;
}

function shape(context: ShapeContext): ShapedRecord {
  const rules = { customerIdType: 'registered', endUserAddress: false };
  const shaped = toBloomreach ? shapeCommand(benchOutput, context, rules) : shapeOutput(benchOutput, context);
  const record = shaped.ok ? shaped.records[0] : undefined;
  if (record === undefined) throw new Error(JSON.stringify(shaped));
  return record;
}

function eventOf({ id, source, identity, receivedAt }: Delivery): RelayEvent {
  const record = shape({ source, identity, receivedAt, index: 0, now: receivedAt });
  const destination = toBloomreach ? benchCrm : 'mixpanel';
  return { id: `evt_${id.slice('dlv_'.length)}-0`, destination, json: record.json, time: record.time };
}

async function acceptAll(buffer: BufferKeeper, count: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => from + index);
    for (const { status } of await Promise.all(numbers.map((number) => buffer.accept(webhook(number)))))
      if (status !== 'accepted') throw new Error(`a webhook of the backlog was ${status}`);
  }
}

async function mapAll(buffer: BufferKeeper): Promise<void> {
  let committing = Promise.resolve();
  for (let after = 0; ; ) {
    const batch = await buffer.nextDeliveries({ after, limit: MAPPED_AT_ONCE, bytesMax: 8_000_000 });
    if (batch.length === 0) return await committing;
    after = batch.at(-1)?.position ?? after;
    await committing;
    committing = buffer.commitMapped(
      batch.map((delivery) => ({ delivery, state: 'mapped' as const, dead: [], events: [eventOf(delivery)] })),
    );
  }
}

/** As a destination leaves those that it refuses. */
async function refuseAll(buffer: BufferKeeper): Promise<void> {
  const asked = {
    destination: 'mixpanel',
    turns: [{ source: 'bench', eventsMax: MAPPED_AT_ONCE }],
    bytesMax: 8_000_000,
    leaseMs: 60_000,
  };
  for (let events = await buffer.lease(asked); events.length > 0; events = await buffer.lease(asked)) {
    const letter = { kind: 'event', reason: 'rejected', message: 'not today', destination: 'mixpanel' } as const;
    await buffer.settle(
      events.map(({ position, json }) => ({
        position,
        state: 'dead' as const,
        letter: { ...letter, eventJson: json, attempts: 1 },
      })),
    );
  }
}

await using buffer = folder.startsWith('redis:')
  ? await openBenchRedis(folder)
  : await openSqliteBuffer({
      folder,
      clock: systemClock,
      bytesMax: 16 * 1024 ** 3,
      keepDeliveriesMs: 72 * 3_600_000,
    });
await acceptAll(buffer, Number(wanted));
await mapAll(buffer);
if (as === 'dead') await refuseAll(buffer);
