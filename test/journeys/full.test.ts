/** No room: refused with 503 and Retry-After, never a crash; what waits drains, and then there is room again. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { temporaryFolder, until } from '../support/program.ts';

/** The event carries it too: bodies of mapped deliveries give way, waiting events never do. */
const FILLER = 8_000;
const sources = {
  numbered: {
    mapping:
      '{"event": "Numbered", "properties": {"id": id, "text": text, "filler": $length(filler), "ballast": filler}}',
  },
};

/** Where that is not permitted, the bound in bytes is tested all the same. */
const mayMount = mayMountHere();

it('refuses when waiting work fills the bound, drains all the same, and takes again', { timeout: 90_000 }, async () => {
  await using journey = await Journey.open('bound', { sources, env: { RELAY_BUFFER_MAX_BYTES: '8000000' } });
  await fillAndDrain(journey);
  expect(sizeOf(journey.dataDir)).toBeLessThan(13_000_000);
});

it.runIf(mayMount)(
  'refuses when the disk is full, drains all the same, and takes again',
  { timeout: 90_000 },
  async () => {
    using disk = smallDisk(24);
    await using journey = await Journey.open('disk', { sources, dataDir: disk.path });
    await fillAndDrain(journey);
  },
);

it.runIf(mayMount)('survives a disk that others fill to the last byte', { timeout: 90_000 }, async () => {
  using disk = smallDisk(24);
  await using journey = await Journey.open('others', { dataDir: disk.path });
  const { oracle, sandbox } = journey;
  await journey.start();
  // Little enough that it is the others who fill the disk.
  const crowd = journey.crowd(4, 'numbered', { restMs: 10 });
  for (let round = 0; round < 3; round++) {
    const { owed } = oracle;
    await until(() => oracle.owed > owed + 100, 'webhooks accepted while there is room');
    fillToTheLastByte(join(disk.path, 'of-others'));
    await until(async () => (await readyStatus(journey)) === 503, 'the relay to notice');
    await until(() => (oracle.statuses[503] ?? 0) > round * 10, 'refusals');
    rmSync(join(disk.path, 'of-others'));
    await until(async () => (await readyStatus(journey)) === 200, 'the relay to be ready again', 5_000);
  }
  await crowd.stop();
  await journey.sendFresh();
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses).sort()).toEqual(['200', '503']);
});

async function fillAndDrain(journey: Journey): Promise<void> {
  const { oracle, sandbox } = journey;
  await journey.start();
  const { pid } = journey.relay;
  for (let round = 0; round < 2; round++) {
    await journey.destinationGoes();
    const crowd = journey.crowd(16, 'numbered', { fillerLength: FILLER, restMs: 5 });
    const refusals = oracle.statuses[503] ?? 0;
    await until(() => (oracle.statuses[503] ?? 0) > refusals + 50, 'refusals for lack of room', 30_000);
    // Not at the first refusal: history gives way first, and there is room again for a while.
    await until(async () => (await readyStatus(journey)) === 503, 'the probe to say so', 20_000);
    await until(async () => (await journey.health()).status === 'fail', 'health to say so', 20_000);
    await crowd.stop();
    await journey.destinationComes();
    await until(async () => (await readyStatus(journey)) === 200, 'room again after draining', 15_000);
    const { answer } = await journey.sendFresh();
    expect(answer.status).toBe(200);
    await journey.arrived();
  }
  for (const { head, text } of oracle.answers) {
    expect(head).toMatch(/^HTTP\/1.1 503/);
    expect(head).toMatch(/retry-after: \d+/i);
    expect(JSON.parse(text)).toMatchObject({ code: 'full', status: 503 });
  }
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses).sort()).toEqual(['200', '503']);
  expect(journey.relay.pid).toBe(pid);
  expect((await journey.stop()).code).toBe(0);
}

async function readyStatus(journey: Journey): Promise<number> {
  return (await fetch(`${journey.relay.publicUrl}/readyz`)).status;
}

/** A tmpfs of its own. */
function smallDisk(megabytes: number): Disposable & { readonly path: string; readonly mounted: boolean } {
  const folder = temporaryFolder('tmpfs');
  const mounted = attempt('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'trackrelay-test', folder.path]);
  return {
    path: folder.path,
    mounted,
    [Symbol.dispose]: () => {
      if (mounted) attempt('umount', ['-l', folder.path]);
      folder[Symbol.dispose]();
    },
  };
}

function mayMountHere(): boolean {
  using disk = smallDisk(1);
  return disk.mounted;
}

function attempt(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Pieces that get smaller, until not one byte more goes in. */
function fillToTheLastByte(path: string): void {
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    while (attemptAppend(path, bytes)) {
      // As long as it fits.
    }
  }
}

function attemptAppend(path: string, bytes: number): boolean {
  const before = existsSync(path) ? statSync(path).size : 0;
  try {
    writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
    return statSync(path).size === before + bytes;
  } catch {
    return false;
  }
}

function sizeOf(folder: string): number {
  const files = ['buffer.db', 'buffer.db-wal'].map((name) => join(folder, name));
  return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}
