/** No room: what gives way, what is refused, and that everything that waits can still leave. */
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import type { DiskSpace } from '../../src/buffer/sqlite/messages.ts';
import { turnsOf } from '../conformance/keeper.ts';
import { mapped, movedClock, webhook } from '../support/buffer-fixtures.ts';

const megabyte = 1024 * 1024;
const clock = movedClock();
let folder: string;
let buffer: SqliteBuffer;
let disk: DiskSpace | null = null;

async function open(bytesMax: number, inFolder = folder): Promise<SqliteBuffer> {
  const diskSpace = disk === null ? {} : { diskSpace: () => disk as DiskSpace };
  return openSqliteBuffer({ folder: inFolder, clock, bytesMax, keepDeliveriesMs: 1e9, ...diskSpace });
}
const accept = (parts = {}) => buffer.accept(webhook(clock, { body: new Uint8Array(20_000), ...parts }));

/** Accepts, together and at last one by one, until even one is refused; the number that were taken. */
async function fill(): Promise<number> {
  let taken = 0;
  for (const together of [20, 1])
    for (let full = false; !full && taken < 1_000; ) {
      const answers = await Promise.all(Array.from({ length: together }, () => accept()));
      taken += answers.filter(({ status }) => status === 'accepted').length;
      full = answers.some(({ status }) => status === 'full');
    }
  return taken;
}

async function mapAll(events: number): Promise<void> {
  for (;;) {
    const next = await buffer.nextDeliveries({ after: 0, limit: 50, bytesMax: megabyte });
    if (next.length === 0) return;
    await buffer.commitMapped(next.map((delivery) => mapped(delivery, events)));
  }
}

async function sendAll(): Promise<number> {
  for (let sent = 0; ; ) {
    const events = await buffer.lease(turnsOf(['shop'], 500));
    if (events.length === 0) return sent;
    await buffer.settle(events.map(({ position }) => ({ position, state: 'delivered' })));
    sent += events.length;
  }
}

beforeEach(async () => {
  disk = null;
  folder = await mkdtemp(join(tmpdir(), 'buffer-full-'));
});
afterEach(async () => {
  await buffer.crash();
  await rm(folder, { recursive: true });
});

describe('a buffer at its bound', () => {
  it('refuses when waiting work fills it, lets that work leave, and accepts again', async () => {
    buffer = await open(4 * megabyte);
    const taken = await fill();
    expect(taken).toBeGreaterThan(100);
    expect(await accept()).toEqual({ status: 'full', retryAfterSeconds: 30 });
    const tally = await buffer.tally();
    expect(tally.full).toBe('buffer');
    expect(tally.bytesUsed).toBeLessThanOrEqual(tally.bytesMax);
    await mapAll(2);
    expect(await sendAll()).toBe(2 * taken);
    expect(await accept()).toMatchObject({ status: 'accepted' });
    expect((await buffer.tally()).full).toBeNull();
  });

  it('lets settled history give way, oldest first, before it refuses anything', async () => {
    buffer = await open(4 * megabyte);
    let last = '';
    for (let round = 0; round < 30; round++) {
      const answer = await accept({ key: `k${round}`, body: new Uint8Array(500_000) });
      expect(answer.status).toBe('accepted');
      if (answer.status === 'accepted') last = answer.id;
      await mapAll(1);
      await sendAll();
    }
    const { items } = await buffer.deliveries({}, { limit: 100 });
    expect(items[0]?.id).toBe(last);
    expect(items.length).toBeLessThan(10);
    // What keys were seen outlives their deliveries.
    expect(await accept({ key: 'k0' })).toMatchObject({ status: 'duplicate' });
  });

  it('never gives way what still waits', async () => {
    buffer = await open(4 * megabyte);
    await accept();
    await mapAll(3);
    const taken = await fill();
    await mapAll(1);
    expect(await sendAll()).toBe(3 + taken);
  });
});

describe('a disk with little room', () => {
  const gigabyte = 1024 * megabyte;

  it('refuses below 64 MiB of a large disk, and accepts again above', async () => {
    disk = { freeBytes: 60 * megabyte, totalBytes: 100 * gigabyte };
    buffer = await open(gigabyte);
    expect(await accept()).toEqual({ status: 'full', retryAfterSeconds: 60 });
    expect((await buffer.tally()).full).toBe('disk');
    disk = { freeBytes: 70 * megabyte, totalBytes: 100 * gigabyte };
    expect(await accept()).toMatchObject({ status: 'accepted' });
    expect((await buffer.tally()).full).toBeNull();
  });

  it('refuses below 5 % of a small disk', async () => {
    disk = { freeBytes: 40 * megabyte, totalBytes: gigabyte };
    buffer = await open(gigabyte);
    expect(await accept()).toMatchObject({ status: 'full' });
    disk = { freeBytes: 60 * megabyte, totalBytes: gigabyte };
    expect(await accept()).toMatchObject({ status: 'accepted' });
  });
});

const mounted = spawnSync('mount', ['--version']).status === 0 && process.getuid?.() === 0;

describe.runIf(mounted)('a disk that is really full', () => {
  let mount: string;
  beforeEach(async () => {
    mount = await mkdtemp(join(tmpdir(), 'buffer-disk-'));
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount]).status).toBe(0);
  });
  afterEach(async () => {
    await buffer.crash();
    spawnSync('umount', [mount]);
    await rm(mount, { recursive: true });
  });

  it('is refused by the guard before it is full, and what waits can leave meanwhile', async () => {
    buffer = await open(1024 * megabyte, mount);
    const taken = await fill();
    expect(taken).toBeGreaterThan(50);
    expect(statfsSync(mount).bavail).toBeGreaterThan(0);
    await mapAll(1);
    expect(await sendAll()).toBe(taken);
  });

  it('gets back what was drained, so that there is room again although nobody asks to be taken', async () => {
    buffer = await open(1024 * megabyte, mount);
    await fill();
    await mapAll(1);
    await sendAll();
    for (let look = 0; look < 10 && (await buffer.tally()).full !== null; look++) await buffer.sweep();
    expect((await buffer.tally()).full).toBeNull();
    expect(await accept()).toMatchObject({ status: 'accepted' });
  });

  it('is refused also when the guard saw nothing; all that was accepted is there, and goes on once there is room', async () => {
    disk = { freeBytes: 1024 * megabyte, totalBytes: 2048 * megabyte };
    buffer = await open(1024 * megabyte, mount);
    const taken = await fill();
    expect(taken).toBeGreaterThan(50);
    expect(taken).toBeLessThan(500);
    await buffer.crash();
    buffer = await open(1024 * megabyte, mount);
    expect(await buffer.nextDeliveries({ after: 0, limit: 1_000, bytesMax: 100 * megabyte })).toHaveLength(taken);
    expect(await accept()).toMatchObject({ status: 'full' });
    expect(spawnSync('mount', ['-o', 'remount,size=24m', mount]).status).toBe(0);
    expect(await accept()).toMatchObject({ status: 'accepted' });
    await mapAll(1);
    expect(await sendAll()).toBe(taken + 1);
  });
});
