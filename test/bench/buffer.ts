/**
 * The store alone: durable accepts, lease and settle, and opening with a million waiting events.
 * Run by hand: node test/bench/buffer.ts [events that wait, 1000000]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import type { RawDelivery, Verified } from '../../src/model.ts';

const waitingWanted = Number(process.argv[2] ?? 1_000_000);
/** Set in the second process, which only opens what the first one filled. */
const filled = process.argv[3];
const folder = filled ?? mkdtempSync(join(tmpdir(), 'buffer-bench-'));
const open = () =>
  openSqliteBuffer({ folder, clock: systemClock, bytesMax: 8 * 1024 ** 3, keepDeliveriesMs: 72 * 3_600_000 });
const body = Buffer.alloc(1024, 'x');
const json = `{"event":"charge","properties":{"padding":"${'y'.repeat(400)}"}}`;
let made = 0;

function webhook(): Verified<RawDelivery> {
  made += 1;
  return {
    source: `source-${made % 5}`,
    provider: 'stripe',
    key: `evt_${made}`,
    type: `type.${made % 20}`,
    receivedAt: systemClock.now(),
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'bench', 'x-request-id': `${made}` },
    query: {},
    body,
  } as RawDelivery as Verified<RawDelivery>;
}

function say(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(44)} ${value}\n`);
}

/** `clients` that each wait for their answer before the next. */
async function acceptMany(buffer: SqliteBuffer, count: number, clients: number): Promise<void> {
  let left = count;
  const waits: number[] = [];
  const started = systemClock.monotonic();
  const cpu = process.threadCpuUsage();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        const asked = systemClock.monotonic();
        const { status } = await buffer.accept(webhook());
        if (status !== 'accepted') throw new Error(status);
        waits.push(systemClock.monotonic() - asked);
      }
    }),
  );
  const tookMs = systemClock.monotonic() - started;
  const { user, system } = process.threadCpuUsage(cpu);
  waits.sort((a, b) => a - b);
  const p99 = waits[Math.floor(waits.length * 0.99)] ?? 0;
  const rate = Math.round((count / tookMs) * 1000);
  say(
    `accept, ${clients} clients`,
    `${rate}/s, p99 ${p99.toFixed(1)} ms, main thread ${((user + system) / count).toFixed(1)} µs each`,
  );
}

async function mapAll(buffer: SqliteBuffer, eventsEach: number): Promise<void> {
  const started = systemClock.monotonic();
  let after = 0;
  let count = 0;
  for (;;) {
    const next = await buffer.nextDeliveries({ after, limit: 200, bytesMax: 4_000_000 });
    if (next.length === 0) break;
    after = next.at(-1)?.position ?? after;
    const batch = next.map((delivery) => ({
      delivery,
      state: 'mapped' as const,
      dead: [],
      events: Array.from({ length: eventsEach }, (_, index) => ({
        id: `evt_${delivery.id.slice(4)}-${index}`,
        destination: 'mixpanel',
        json,
        time: delivery.receivedAt,
      })),
    }));
    await buffer.commitMapped(batch);
    count += next.length * eventsEach;
  }
  const tookMs = systemClock.monotonic() - started;
  say(`map (read, commit ${eventsEach} events each)`, `${Math.round((count / tookMs) * 1000)} events/s`);
}

async function sendMany(buffer: SqliteBuffer, rounds: number): Promise<void> {
  let count = 0;
  const turns = Array.from({ length: 5 }, (_, index) => ({ source: `source-${index}`, eventsMax: 400 }));
  const took = { lease: 0, settle: 0 };
  for (let round = 0; round < rounds; round++) {
    const started = systemClock.monotonic();
    const events = await buffer.lease({ destination: 'mixpanel', turns, bytesMax: 1_900_000, leaseMs: 60_000 });
    const leased = systemClock.monotonic();
    await buffer.settle(events.map(({ position }) => ({ position, state: 'delivered' })));
    took.lease += leased - started;
    took.settle += systemClock.monotonic() - leased;
    count += events.length;
  }
  const each = count / rounds;
  say(
    `lease and settle ${each} events`,
    `${(took.lease / rounds).toFixed(1)} + ${(took.settle / rounds).toFixed(1)} ms`,
  );
  say('lease and settle', `${Math.round((count / (took.lease + took.settle)) * 1000)} events/s`);
}

function memory(): string {
  return `${Math.round(process.memoryUsage.rss() / 1024 / 1024)} MB resident`;
}

async function fill(): Promise<void> {
  await using buffer = await open();
  await acceptMany(buffer, 5_000, 1);
  await acceptMany(buffer, 60_000, 64);
  await acceptMany(buffer, 100_000, 1_000);
  await mapAll(buffer, Math.max(1, Math.ceil(waitingWanted / made)));
}

async function empty(): Promise<void> {
  const started = systemClock.monotonic();
  await using buffer = await open();
  const waiting = [...buffer.ready('mixpanel').values()].reduce((sum, ready) => sum + ready, 0);
  say(`open with ${waiting} events waiting`, `${Math.round(systemClock.monotonic() - started)} ms, ${memory()}`);
  await sendMany(buffer, 50);
  const listed = systemClock.monotonic();
  await buffer.deliveries({ source: 'source-1', state: 'mapped', type: 'type.1' }, { limit: 100 });
  say('list by source, state and type', `${(systemClock.monotonic() - listed).toFixed(1)} ms`);
  say('at the end', memory());
}

if (filled !== undefined) await empty();
else {
  await fill();
  const again = [process.argv[1] ?? '', String(waitingWanted), folder];
  spawnSync(process.execPath, again, { stdio: 'inherit' });
  rmSync(folder, { recursive: true, force: true });
}
