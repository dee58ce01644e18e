/** Replays over the real store and the real evaluator: what failed is mended, each once, whatever happens on the way. */
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { broken, good, type Place, replayPlace } from '../support/replay-place.ts';

const failedOf = (place: Place) => place.keeper.tally().then(({ sources }) => sources.shop?.failed ?? 0);
const record = async (place: Place, id: string) => {
  const found = await place.keeper.replay(id);
  if (!found) throw new Error(`no replay ${id}`);
  return found;
};
const isDone = (place: Place, id: string) => async () => (await record(place, id)).state === 'done';
const amounts = (place: Place) => place.sent.map(({ json }) => JSON.parse(json).properties.amount as number);
const countTo = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('a remap', () => {
  it('by reason delivers exactly what a broken mapping failed, each once', async () => {
    await using place = await replayPlace();
    await place.accept(50, { key: null });
    await place.mapAll();
    await place.send();
    const before = place.sent.length;
    place.mapping = broken;
    await place.accept(1_000);
    await place.mapAll();
    expect([await failedOf(place), before]).toEqual([1_000, 50]);
    place.mapping = good;
    const request = { mode: 'remap', selection: { source: 'shop', reason: 'mapping_error' } } as const;
    const { id, count } = await place.replays.start(request, 'a test');
    expect(count).toBe(1_000);
    await place.until(isDone(place, id));
    expect(
      amounts(place)
        .slice(before)
        .sort((a, b) => a - b),
    ).toEqual(countTo(1_000));
    expect(await record(place, id)).toMatchObject({
      ...{ count: 1_000, done: 1_000, delivered: 1_000, failed: 0, nothing: 0, waiting: 0, by: 'a test' },
    });
    expect(await failedOf(place)).toBe(0);
    expect((await place.keeper.deadLetters({}, { limit: 1 })).items).toEqual([]);
  });

  it('leaves what fails again as it is, and says so', async () => {
    await using place = await replayPlace();
    place.mapping = broken;
    await place.accept(3);
    await place.mapAll();
    const { id } = await place.replays.start({ mode: 'remap', selection: { state: 'failed' } }, 'a test');
    await place.until(isDone(place, id));
    expect(await record(place, id)).toMatchObject({ done: 3, failed: 3, delivered: 0 });
    expect((await record(place, id)).lastFailure).toMatch(/^mapping_error: /);
    expect(await failedOf(place)).toBe(3);
  });

  it('of what was delivered gives the same events, byte for byte, and sends none of them again', async () => {
    await using place = await replayPlace();
    const [first = ''] = await place.accept(5);
    await place.mapAll();
    await place.send();
    const dry = await place.replays.dryRun({ mode: 'remap', selection: { ids: [first] } });
    const [item] = dry.sample;
    expect(JSON.stringify(item?.after)).toBe(`[${place.sent[0]?.json}]`);
    expect(item).toMatchObject({ before: item?.after, changes: { same: 1, changed: 0, new: 0 } });
    const { id } = await place.replays.start({ mode: 'remap', selection: { state: 'mapped' } }, 'a test');
    await place.until(isDone(place, id));
    expect(place.sent).toHaveLength(5);
    expect(await record(place, id)).toMatchObject({ done: 5, delivered: 5 });
  });

  it('sends what a changed mapping changed, under the same identity', async () => {
    await using place = await replayPlace();
    await place.accept(2);
    await place.mapAll();
    await place.send();
    place.mapping = good.replace('"amount"', '"total"');
    const { id } = await place.replays.start({ mode: 'remap', selection: { source: 'shop' } }, 'a test');
    await place.until(isDone(place, id));
    const identity = ({ json }: { json: string }) => {
      const { event, properties } = JSON.parse(json);
      return [event, properties.time, properties.distinct_id, properties.$insert_id];
    };
    expect(place.sent).toHaveLength(4);
    expect(place.sent.slice(2).map(identity)).toEqual(place.sent.slice(0, 2).map(identity));
    expect(place.sent[2]?.json).toContain('"total"');
  });

  it('that is cancelled half way leaves the rest failed, and a second one does exactly the rest', async () => {
    await using place = await replayPlace();
    place.mapping = broken;
    await place.accept(1_000);
    await place.mapAll();
    place.mapping = good;
    const request = { mode: 'remap', selection: { state: 'failed' } } as const;
    const first = await place.replays.start(request, 'a test');
    // Nothing is sent: it stands at one window.
    await place.until(async () => (await record(place, first.id)).done >= 500, false);
    expect(await place.replays.cancel(first.id)).toBe('cancelled');
    const stopped = await record(place, first.id);
    expect(stopped.done).toBeLessThan(1_000);
    expect(stopped.state).toBe('cancelled');
    expect(await place.replays.cancel(first.id)).toBe('ended');
    expect(await place.replays.cancel('rpl_nobody')).toBe('unknown');
    const left = await failedOf(place);
    expect(left).toBe(1_000 - stopped.done);
    const second = await place.replays.start(request, 'a test');
    expect(second.count).toBe(left);
    await place.until(isDone(place, second.id));
    expect(amounts(place).sort((a, b) => a - b)).toEqual(countTo(1_000));
  });

  it('goes on after a crash from where it was, and nothing is queued twice', async () => {
    await using place = await replayPlace();
    place.mapping = broken;
    await place.accept(600);
    await place.mapAll();
    place.mapping = good;
    const { id } = await place.replays.start({ mode: 'remap', selection: { state: 'failed' } }, 'a test');
    for (const done of [1, 150, 400]) {
      await place.until(async () => (await record(place, id)).done >= done);
      await place.restart();
    }
    await place.until(isDone(place, id));
    expect(amounts(place).sort((a, b) => a - b)).toEqual(countTo(600));
    expect(await record(place, id)).toMatchObject({ done: 600, delivered: 600, count: 600 });
  }, 30_000);

  it('waits while the relay is busy, and while a window of events waits', async () => {
    await using place = await replayPlace();
    place.mapping = broken;
    await place.accept(1_500);
    await place.mapAll();
    place.mapping = good;
    place.busy = true;
    const { id } = await place.replays.start({ mode: 'remap', selection: { state: 'failed' } }, 'a test');
    await systemClock.wait(200);
    expect((await record(place, id)).done).toBe(0);
    place.busy = false;
    await place.until(async () => (await record(place, id)).waiting >= 500, false);
    await systemClock.wait(200);
    // A window, and the last step that was begun before it was full.
    expect((await record(place, id)).waiting).toBeLessThan(500 + 250);
    await place.until(isDone(place, id));
    expect(place.sent).toHaveLength(1_500);
  });
});

describe('a replay whose caller has given up', () => {
  const request = { mode: 'remap', selection: { state: 'mapped' } } as const;

  it('while it was counted never begins', async () => {
    await using place = await replayPlace();
    await place.accept(3);
    await place.mapAll();
    const caller = new AbortController();
    const stored: string[] = [];
    const patience = { over: caller.signal, storing: (id: string) => void stored.push(id) };
    const count = place.keeper.countSelected.bind(place.keeper);
    vi.spyOn(place.keeper, 'countSelected').mockImplementation(async (asked) => {
      const piece = await count(asked);
      if (piece.ended) caller.abort();
      return piece;
    });
    await expect(place.replays.start(request, 'a test', patience)).rejects.toThrow(/abort/i);
    expect(stored).toEqual([]);
    expect((await place.keeper.replays({ limit: 10 })).items).toEqual([]);
  });

  it('while it was kept is found by the id that was told before', async () => {
    await using place = await replayPlace();
    await place.accept(3);
    await place.mapAll();
    const caller = new AbortController();
    const stored: string[] = [];
    const storing = (id: string) => {
      stored.push(id);
      caller.abort();
    };
    const { id } = await place.replays.start(request, 'a test', { over: caller.signal, storing });
    expect(stored).toEqual([id]);
    expect((await record(place, id)).count).toBe(3);
  });
});

describe('a dry run', () => {
  it('counts, shows a sample before and after, and changes nothing', async () => {
    await using place = await replayPlace();
    place.mapping = broken;
    await place.accept(60);
    await place.mapAll();
    place.mapping = good;
    const before = await place.content();
    expect(before.deliveries).toHaveLength(60);
    const dry = await place.replays.dryRun({ mode: 'remap', selection: { state: 'failed' } });
    expect(await place.content()).toEqual(before);
    expect(dry).toMatchObject({ dry_run: true, count: 60 });
    expect(dry.sample).toHaveLength(20);
    expect(dry.sample[0]).toMatchObject({
      ...{ before: [], changes: { new: 1, same: 0 } },
      after: [{ event: 'paid', properties: { amount: 0 } }],
    });
    expect(dry.warnings).toEqual([]);
  });

  it('says what is past the age that the destination takes, and what soon will be', async () => {
    let shift = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + shift };
    await using place = await replayPlace({ clock });
    place.mapping = broken;
    await place.accept(2, { key: null });
    shift = 16 * 3_600_000;
    await place.accept(3, { key: null });
    shift = 5 * 24 * 3_600_000 + 5 * 3_600_000;
    await place.accept(4, { key: null });
    await place.mapAll();
    place.mapping = good;
    const { warnings } = await place.replays.dryRun({ mode: 'remap', selection: { state: 'failed' } });
    expect(warnings.map(({ code, count }) => [code, count])).toContainEqual(['too_old', 2]);
    expect(warnings.map(({ code, count }) => [code, count])).toContainEqual(['nearly_too_old', 3]);
    expect(warnings[0]?.message).toContain('5 days');
  });
});
