/** Whose file it is, whether it is sound, and who may read it. */
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { mapped, movedClock, webhook } from '../support/buffer-fixtures.ts';

const someOf = (source: string) => ({
  destination: 'mixpanel',
  turns: [{ source, eventsMax: 100 }],
  bytesMax: 1e6,
});

describe('the file of a buffer', () => {
  let folder: string;
  let path: string;
  const clock = movedClock();
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'buffer-file-')), 'made', 'by', 'us');
    path = join(folder, 'buffer.db');
  });
  afterEach(() => rm(join(folder, '../../..'), { recursive: true }));
  const open = () => openSqliteBuffer({ folder, clock, bytesMax: 64 * 1024 * 1024, keepDeliveriesMs: 1_000 });

  async function makeStore(): Promise<void> {
    await using buffer = await open();
    for (let count = 0; count < 40; count++) await buffer.accept(webhook(clock, { body: new Uint8Array(2_000) }));
    const next = await buffer.nextDeliveries({ after: 0, limit: 10, bytesMax: 1_000_000 });
    await buffer.commitMapped(next.map((delivery) => mapped(delivery, 1)));
  }

  async function expectRefused(words: RegExp): Promise<void> {
    const before = await readFile(path);
    await expect(open()).rejects.toMatchObject({
      name: 'UsageError',
      exitCode: 1,
      message: expect.stringMatching(words),
    });
    expect(Buffer.compare(await readFile(path), before)).toBe(0);
  }

  it('holds everything when it is opened again', async () => {
    await makeStore();
    await using buffer = await open();
    expect((await buffer.tally()).sources.shop).toMatchObject({ accepted: 40, unmapped: 30, mapped: 10, waiting: 10 });
    expect(buffer.ready('mixpanel').get('shop')).toBe(10);
  });

  it('is readable by its owner alone', async () => {
    await using buffer = await open();
    await buffer.accept(webhook(clock));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const modes = await Promise.all(
      (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).mode & 0o777),
    );
    expect(new Set(modes)).toEqual(new Set([0o600]));
  });

  it('is brought up to date when an older relay wrote it, and what waits in it is still there', async () => {
    await makeStore();
    const database = new DatabaseSync(path);
    database.exec(`
      DROP TABLE updates;
      CREATE TABLE old (
        n INTEGER PRIMARY KEY, destination TEXT NOT NULL, source INTEGER NOT NULL, waiting INTEGER NOT NULL DEFAULT 0,
        UNIQUE (destination, source)
      );
      INSERT INTO old SELECT n, destination, source, waiting FROM lanes;
      DROP TABLE lanes;
      ALTER TABLE old RENAME TO lanes;
      PRAGMA user_version = 1;
    `);
    database.close();
    for (let time = 0; time < 2; time++) {
      await using buffer = await open();
      expect(buffer.ready('mixpanel').get('shop')).toBe(10);
      const request = {
        destination: 'mixpanel',
        turns: [{ source: 'shop', eventsMax: 100 }],
        bytesMax: 1e6,
        leaseMs: 1,
      };
      expect(await buffer.lease(request)).toHaveLength(10);
    }
  });

  it('is refused when a newer relay wrote it', async () => {
    await makeStore();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 3');
    database.close();
    await expectRefused(/newer relay \(format 3/);
  });

  it('is opened when an older relay made it, and then keeps what that one did not know', async () => {
    await makeStore();
    const database = new DatabaseSync(path);
    database.exec('DROP TABLE secrets; DROP TABLE unmapped_types');
    database.close();
    {
      await using buffer = await open();
      expect((await buffer.tally()).sources.shop).toMatchObject({ accepted: 40, mapped: 10 });
      await buffer.arm('shop', clock.now() + 1_000);
      expect(await buffer.learnSecret('shop', 'kept', clock.now())).toBe('learned');
      const next = await buffer.nextDeliveries({ after: 0, limit: 2, bytesMax: 1_000_000 });
      await buffer.commitMapped(next.map((delivery) => mapped(delivery, 0)));
    }
    await using buffer = await open();
    expect((await buffer.learnedSecrets()).get('shop')?.secret).toBe('kept');
    expect(await buffer.unmappedTypes(10)).toMatchObject([{ source: 'shop', skipped: 2 }]);
  });

  it('tells of dead letters and deliveries of an older relay what that one knew, and replays them', async () => {
    await makeStore();
    {
      await using buffer = await open();
      const leased = await buffer.lease({ ...someOf('shop'), leaseMs: 1_000 });
      const letter = { kind: 'event' as const, reason: 'rejected', message: 'no', attempts: 1 };
      const [first, ...rest] = leased.map(({ position }) => position);
      await buffer.settle(rest.map((position) => ({ position, state: 'delivered' })));
      await buffer.settle([{ position: first ?? 0, state: 'dead', letter }]);
    }
    const database = new DatabaseSync(path);
    const later = ['letter_facts', 'attempts', 'replays', 'replay_items', 'replay_waiting'];
    database.exec(later.map((table) => `DROP TABLE ${table};`).join(''));
    database.exec('ALTER TABLE deliveries DROP COLUMN settled_after');
    database.close();
    await using buffer = await open();
    const [letter] = (await buffer.deadLetters({ kind: 'event', destination: 'mixpanel' }, { limit: 9 })).items;
    const whole = await buffer.delivery(letter?.delivery ?? '');
    expect(whole?.events).toMatchObject([{ state: 'dead', reason: 'rejected', lastWords: 'no' }]);
    const selection = { ids: [letter?.delivery ?? ''] };
    const asked = { mode: 'remap' as const, selection, after: 0, limit: 1, bytesMax: 1e6 };
    const delivery = (await buffer.selectItems(asked)).deliveries[0]?.delivery;
    if (!delivery) throw new Error('it is not kept');
    await buffer.addReplay({ id: 'rpl_1', mode: 'remap', selection, count: 1, by: 'a test', createdAt: 1 });
    const item = { kind: 'remap' as const, cursor: 1, mapped: mapped(delivery, 1) };
    await buffer.replayStep({ replay: 'rpl_1', from: 0, items: [item], to: 1, ended: true });
    expect(await buffer.lease({ ...someOf('shop'), leaseMs: 1_000 })).toHaveLength(1);
    expect((await buffer.deadLetters({}, { limit: 9 })).items).toEqual([]);
    expect((await buffer.tally()).sources.shop).toMatchObject({ dead: 0, waiting: 1 });
  });

  it("is refused when it is another program's", async () => {
    await makeStore();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA application_id = 7');
    database.close();
    await expectRefused(/another program/);
  });

  it('is refused when it is empty or no database at all', async () => {
    await makeStore();
    await truncate(path, 0);
    await expectRefused(/damaged or not a buffer/);
    await writeFile(path, 'hello'.repeat(100));
    await expectRefused(/damaged or not a buffer/);
  });

  it('is refused when its end is missing', async () => {
    await makeStore();
    await truncate(path, 8 * 4096);
    await expectRefused(/is damaged: .*Keep a copy/);
  });

  it('is refused when a page is overwritten', async () => {
    await makeStore();
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0xa5, 4096 * 3, 4096 * 12));
    await expectRefused(/is damaged/);
  });

  it('is not made anew beside a log that was left alone', async () => {
    await makeStore();
    await rm(path);
    await writeFile(`${path}-wal`, 'something');
    await expect(open()).rejects.toThrow(/is missing, but its log/);
    await rm(`${path}-wal`);
    await expect(open().then((buffer) => buffer[Symbol.asyncDispose]())).resolves.toBeUndefined();
  });
});
