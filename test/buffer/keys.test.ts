/** Keys are found wherever they are: in memory, on their way into the index, in the index, after a crash. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSqliteBuffer, type SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { movedClock, webhook } from '../support/buffer-fixtures.ts';

const clock = movedClock();
let folder: string;
let buffer: SqliteBuffer;
const open = () => openSqliteBuffer({ folder, clock, bytesMax: 1024 ** 3, keepDeliveriesMs: 1_000_000 });

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'buffer-keys-'));
  buffer = await open();
});
afterEach(async () => {
  await buffer.crash();
  rmSync(folder, { recursive: true });
});

const accept = (key: string) => buffer.accept(webhook(clock, { key, body: new Uint8Array(10) }));

/** More than are kept in memory, so that the first ones are in the index and others on their way. */
async function acceptMany(count: number): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  for (let from = 0; from < count; from += 1_000) {
    const keys = Array.from({ length: Math.min(1_000, count - from) }, (_, at) => `key-${from + at}`);
    const answers = await Promise.all(keys.map(accept));
    answers.forEach((answer, at) => {
      if (answer.status === 'accepted') ids.set(keys[at] as string, answer.id);
    });
  }
  return ids;
}

async function everyKeyIsKnown(ids: Map<string, string>): Promise<void> {
  const sample = [...ids].filter((_, at) => at % 37 === 0);
  const answers = await Promise.all(sample.map(([key]) => accept(key)));
  expect(answers).toEqual(sample.map(([, id]) => ({ status: 'duplicate', id })));
}

it('finds every one of 40,000 keys, and none that was not sent', async () => {
  const ids = await acceptMany(40_000);
  expect(ids.size).toBe(40_000);
  await everyKeyIsKnown(ids);
  expect(await accept('never-sent')).toMatchObject({ status: 'accepted' });
});

it('finds them after a crash in the middle of their way into the index', async () => {
  const ids = await acceptMany(18_000);
  await buffer.crash();
  buffer = await open();
  await everyKeyIsKnown(ids);
  expect(await accept('never-sent')).toMatchObject({ status: 'accepted' });
});

it('forgets the indexed and the young ones alike when their time is over', async () => {
  await acceptMany(20_000);
  clock.advance(1_000_001);
  const answers = await Promise.all(['key-0', 'key-19999'].map(accept));
  expect(answers.map(({ status }) => status)).toEqual(['accepted', 'accepted']);
  expect(await accept('key-0')).toMatchObject({ status: 'duplicate' });
});
