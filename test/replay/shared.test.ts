/** Replays of several relays on one buffer: one is at work at a time, and nobody spoils what is another's. */
import { describe, expect, it } from 'vitest';
import type { SqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { broken, good, type Place, replayPlace } from '../support/replay-place.ts';

/** Whoever waits long is woken at once. */
const hasty = {
  ...systemClock,
  wait: (ms: number, signal?: AbortSignal) => systemClock.wait(ms < 500 ? ms : 1, signal),
};
const stateOf = async (place: Place, id: string) => (await place.keeper.replay(id))?.state;

describe('replays of several relays', () => {
  it('lose many steps to another relay, and give up no item for that', async () => {
    await using place = await replayPlace({ clock: hasty, shared: true });
    place.mapping = broken;
    await place.accept(60);
    await place.mapAll();
    place.mapping = good;
    place.busy = true;
    let lost = 0;
    // Each time somebody else has done one item of the step before.
    const beaten = new Proxy(place.keeper, {
      get(keeper, name) {
        if (name === 'replayStep')
          return async (step: Parameters<SqliteBuffer['replayStep']>[0]) => {
            const [first] = step.items;
            if (first && lost < 50) {
              lost += 1;
              await keeper.replayStep({ ...step, items: [first], to: first.cursor, ended: false });
            }
            return keeper.replayStep(step);
          };
        const found = keeper[name as keyof SqliteBuffer] as unknown;
        return typeof found === 'function' ? found.bind(keeper) : found;
      },
    });
    place.join({ buffer: beaten, busy: () => false });
    const { id } = await place.replays.start({ mode: 'remap', selection: { reason: 'mapping_error' } }, 'a test');
    await place.until(async () => (await stateOf(place, id)) === 'done');
    expect(lost).toBe(50);
    expect(await place.keeper.replay(id)).toMatchObject({ done: 60, delivered: 60, failed: 0 });
    expect(place.sent).toHaveLength(60);
  });

  const edited = async (place: Place) => {
    await place.accept(1);
    await place.mapAll();
    const [event] = await place.keeper.lease({
      ...{ destination: 'mixpanel', turns: [{ source: 'shop', eventsMax: 1 }], bytesMax: 9_999, leaseMs: 60_000 },
    });
    const letter = { kind: 'event', reason: 'rejected', message: 'no', attempts: 1 } as const;
    await place.keeper.settle([{ position: event?.position ?? 0, state: 'dead', letter }]);
    const [dead] = (await place.keeper.deadLetters({}, { limit: 1 })).items;
    place.busy = true;
    const request = { mode: 'resend', selection: { ids: [dead?.id ?? ''] }, edit: { event: dead?.event } } as const;
    return await place.replays.start(request, 'a test');
  };

  it('leave an edited copy to the relay that was given it', async () => {
    await using place = await replayPlace({ clock: hasty, shared: true });
    const { id } = await edited(place);
    place.join({ busy: () => false });
    await systemClock.wait(100);
    expect(await place.keeper.replay(id)).toMatchObject({ state: 'running', done: 0 });
    place.busy = false;
    await place.until(async () => (await stateOf(place, id)) === 'done');
    expect(await place.keeper.replay(id)).toMatchObject({ delivered: 1, failed: 0 });
  });

  it('say that it is to be edited again when that relay is seen to have ended', async () => {
    let later = 0;
    const clock = { ...hasty, now: () => systemClock.now() + later };
    await using place = await replayPlace({ clock, shared: true });
    const { id } = await edited(place);
    place.join({ busy: () => false });
    later = 60_000;
    await place.until(async () => (await stateOf(place, id)) === 'done');
    expect(await place.keeper.replay(id)).toMatchObject({
      ...{ failed: 1, lastFailure: expect.stringContaining('edit it again') },
    });
    expect(place.sent).toEqual([]);
  });
});
