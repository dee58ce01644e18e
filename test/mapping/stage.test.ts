import { describe, expect, it } from 'vitest';
import type { BufferKeeper, MappedDelivery } from '../../src/buffer/contract.ts';
import { systemClock } from '../../src/clock.ts';
import { type MapResult, programOf } from '../../src/mapping/program.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { createMappingStage, type MappingStageOptions, type StageSource } from '../../src/mapping/stage.ts';
import type { Delivery } from '../../src/model.ts';
import { delivery, eventually, shape } from '../support/mapping.ts';

/** A log in memory that keeps the promises the stage relies on. */
class Log implements Pick<BufferKeeper, 'nextDeliveries' | 'commitMapped' | 'onWork'> {
  readonly committed = new Map<number, MappedDelivery>();
  readonly commits: number[] = [];
  readonly reads: number[] = [];
  readonly #deliveries: Delivery[] = [];
  readonly #listeners = new Set<() => void>();
  failures = 0;

  add(...bodies: unknown[]): void {
    for (const body of bodies) {
      const position = this.#deliveries.length + 1;
      const source = (body as { source?: string }).source ?? 'acme';
      this.#deliveries.push(delivery(body, { position, id: `dlv_${position}`, identity: `key-${position}`, source }));
    }
    for (const listener of this.#listeners) listener();
  }

  async nextDeliveries({ after, limit }: { after: number; limit: number }): Promise<readonly Delivery[]> {
    this.reads.push(limit);
    this.#fail();
    return this.#deliveries.filter(({ position }) => position > after && !this.committed.has(position)).slice(0, limit);
  }

  async commitMapped(batch: readonly MappedDelivery[]): Promise<void> {
    this.#fail();
    this.commits.push(batch.length);
    for (const one of batch)
      if (!this.committed.has(one.delivery.position)) this.committed.set(one.delivery.position, one);
  }

  onWork(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #fail(): void {
    if (this.failures > 0) {
      this.failures--;
      throw new Error('the store is not well');
    }
  }
}

const acme: StageSource = { destinations: ['mixpanel'], program: programOf('acme'), keep: 'full' };
const sources = new Map<string, StageSource>([
  ['acme', acme],
  ['twice', { ...acme, destinations: ['one', 'two'] }],
  ['broken', { ...acme, program: null }],
  ['forgetful', { ...acme, keep: 'none' }],
]);

/** The body says what the mapping makes of it: the evaluator has its own tests. */
const runner = {
  mapEach: (tasks: readonly { delivery: { body: Uint8Array } }[]): readonly Promise<MapResult>[] =>
    tasks.map(async ({ delivery: { body } }): Promise<MapResult> => {
      const { outputs, reason, textBytes = 100 } = JSON.parse(Buffer.from(body).toString());
      return reason
        ? { ok: false, reason, message: `said ${reason}` }
        : { ok: true, outputs, tookMicros: 100, textBytes };
    }),
};

function start(log: Log, more: Partial<MappingStageOptions> = {}) {
  const library = { mappingOf: (name: string) => sources.get(name) ?? null };
  const quiet = { warn: () => {} };
  return createMappingStage({
    buffer: log,
    library,
    runner,
    shape,
    clock: systemClock,
    busy: () => false,
    log: quiet,
    ...more,
  });
}

async function mapped(...bodies: unknown[]): Promise<readonly MappedDelivery[]> {
  const log = new Log();
  await using _stage = start(log);
  log.add(...bodies);
  await eventually(() => log.committed.size === bodies.length);
  return [...log.committed.values()];
}

const event = (name: string) => ({ event: name, properties: {} });

describe('the mapping stage', () => {
  it('turns a delivery into events with ids, identity and time', async () => {
    const [one] = await mapped({ outputs: [event('a'), event('b')] });
    expect(one).toMatchObject({ delivery: { id: 'dlv_1', position: 1, source: 'acme' }, state: 'mapped', dead: [] });
    expect(one?.events.map(({ id, destination }) => [id, destination])).toEqual([
      ['evt_1-0', 'mixpanel'],
      ['evt_1-1', 'mixpanel'],
    ]);
    expect(one?.events[0]?.time).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(one?.events[0]?.json).not.toBe(one?.events[1]?.json);
  });

  it('makes one event for each destination of the source', async () => {
    const [one] = await mapped({ source: 'twice', outputs: [event('a')] });
    expect(one?.events.map(({ id, destination }) => [id, destination])).toEqual([
      ['evt_1-0-one', 'one'],
      ['evt_1-0-two', 'two'],
    ]);
  });

  it('calls a delivery skipped that becomes nothing', async () => {
    expect(await mapped({ outputs: [] })).toMatchObject([{ state: 'skipped', events: [], dead: [] }]);
  });

  it('asks for the body to go with `keep: none`, but not where the mapping failed', async () => {
    const source = 'forgetful';
    const [mappedOne, failedOne] = await mapped({ source, outputs: [event('a')] }, { source, reason: 'mapping_error' });
    expect(mappedOne?.forgetBody).toBe(true);
    expect(failedOne?.forgetBody).toBeUndefined();
    expect((await mapped({ outputs: [event('a')] }))[0]?.forgetBody).toBeUndefined();
  });

  it('buries a failed mapping, and goes on with the next delivery', async () => {
    const [failed, fine] = await mapped({ reason: 'mapping_timeout' }, { outputs: [event('a')] });
    const letter = { kind: 'mapping', reason: 'mapping_timeout', message: 'said mapping_timeout', attempts: 0 };
    expect(failed).toMatchObject({ state: 'failed', events: [], dead: [letter] });
    expect(fine).toMatchObject({ state: 'mapped' });
  });

  it('buries an output that breaks a rule, and its siblings go on', async () => {
    const [one] = await mapped({ outputs: [event('a'), { event: 5 }, event('c')] });
    expect(one).toMatchObject({
      state: 'mapped',
      dead: [{ kind: 'event', reason: 'invalid_event', destination: 'mixpanel' }],
    });
    expect(one?.events.map(({ id }) => id)).toEqual(['evt_1-0', 'evt_1-2']);
  });

  it.each(['unknown', 'broken'])('buries a delivery of a source that is %s, as one without a mapping', async (name) => {
    expect(await mapped({ source: name })).toMatchObject([{ state: 'failed', dead: [{ reason: 'mapping_missing' }] }]);
  });

  it('maps several sources in one batch, each with its own program', async () => {
    const all = await mapped(
      { outputs: [event('a')] },
      { source: 'broken' },
      { source: 'twice', outputs: [event('b')] },
    );
    expect(all.map(({ state, events }) => [state, events.length])).toEqual([
      ['mapped', 1],
      ['failed', 0],
      ['mapped', 2],
    ]);
  });

  it('commits many events in several pieces', async () => {
    const log = new Log();
    await using _stage = start(log);
    log.add({ outputs: [] });
    await eventually(() => log.committed.size === 1);
    log.commits.length = 0;
    log.add(...Array.from({ length: 5 }, () => ({ outputs: Array.from({ length: 1_000 }, () => event('a')) })));
    await eventually(() => log.committed.size === 6);
    expect(log.commits).toEqual([2, 2, 1]);
  });

  it('holds no more of what mappings give than fits, going by what each gave before', async () => {
    const log = new Log();
    await using _stage = start(log);
    const large = { outputs: [event('a')], textBytes: 10 * 1024 * 1024 };
    log.add(...Array.from({ length: 7 }, () => large));
    await eventually(() => log.committed.size === 7);
    // Four of a revision that may give 8 MiB each, then three that are known to give 10.
    expect(log.commits).toEqual([4, 3]);
  });

  it('tries again when the store or the evaluator fails, and loses nothing', async () => {
    const log = new Log();
    log.failures = 2;
    let refusals = 2;
    const moody = {
      mapEach: (tasks: Parameters<typeof runner.mapEach>[0]) => {
        if (refusals-- > 0) return tasks.map(() => Promise.reject(new Error('no evaluator')));
        return runner.mapEach(tasks);
      },
    };
    await using _stage = start(log, { runner: moody });
    log.add({ outputs: [event('a')] });
    await eventually(() => log.committed.size === 1);
    log.failures = 3;
    log.add({ outputs: [event('b')] });
    await eventually(() => log.committed.size === 2);
  });

  it('wakes for what comes while it rests, and for what a replay puts back', async () => {
    const log = new Log();
    await using _stage = start(log);
    log.add({ outputs: [event('a')] });
    await eventually(() => log.committed.size === 1);
    log.committed.clear();
    log.add();
    await eventually(() => log.committed.size === 1);
  });

  it('takes smaller bites while accepting is busy, but goes on', async () => {
    const log = new Log();
    await using _stage = start(log, { busy: () => true });
    log.add(...Array.from({ length: 130 }, () => ({ outputs: [event('a')] })));
    await eventually(() => log.committed.size === 130, 5_000);
    expect(Math.max(...log.reads)).toBe(64);
    expect(Math.max(...log.commits)).toBe(64);
  });

  it('tells what it mapped and how long that took', async () => {
    const told: unknown[] = [];
    const log = new Log();
    await using _stage = start(log, { onMapped: (one, seconds) => told.push([one.state, seconds]) });
    log.add({ outputs: [event('a')] }, { reason: 'mapping_error' });
    await eventually(() => told.length === 2);
    expect(told).toEqual([
      ['mapped', 0.0001],
      ['failed', null],
    ]);
  });

  it('stops with the batch in hand committed, and takes no more', async () => {
    const log = new Log();
    const stage = start(log);
    log.add({ outputs: [event('a')] });
    await eventually(() => log.committed.size === 1);
    await stage[Symbol.asyncDispose]();
    log.add({ outputs: [event('b')] });
    await systemClock.wait(20);
    expect(log.committed.size).toBe(1);
    expect(stage.inHand).toBe(0);
  });

  it('does not let a source wait for the mapping of another that has to be killed each time', async () => {
    await using real = createRunner({ clock: systemClock });
    const hostile = { ...acme, program: programOf('$contains(a & "b", /^(a+)+$/)') };
    const normal = { ...acme, program: programOf('{"event": "x"}') };
    const log = new Log();
    const library = { mappingOf: (name: string) => (name === 'hostile' ? hostile : normal) };
    const stage = start(log, { runner: real, library });
    const a = 'a'.repeat(40);
    for (let n = 0; n < 40; n++) log.add({ source: 'hostile', a }, { source: 'acme' });
    const states = () => [...log.committed.values()].map(({ state }) => state);
    await eventually(() => states().filter((state) => state === 'mapped').length === 40, 20_000);
    expect(states().filter((state) => state === 'failed').length).toBeLessThan(20);
    log.add({ source: 'acme' });
    await eventually(() => states().filter((state) => state === 'mapped').length === 41);
    expect(stage.inHand).toBeGreaterThan(10);
    await stage[Symbol.asyncDispose]();
  });

  it('lets the rest of the relay live while as much as may be is set aside and work keeps coming', async () => {
    const log = new Log();
    const nothing: MapResult = { ok: true, outputs: [], tookMicros: 1, textBytes: 0 };
    const answer = Promise.withResolvers<MapResult>();
    let hangs = false;
    const mapEach = (tasks: readonly unknown[]) => tasks.map(() => (hangs ? answer.promise : Promise.resolve(nothing)));
    const stage = start(log, { runner: { mapEach } });
    // What a revision becomes has to be known before many of it are mapped at once.
    log.add({});
    await eventually(() => log.committed.size === 1);
    hangs = true;
    log.add(...Array.from({ length: 600 }, () => ({})));
    await eventually(() => stage.inHand >= 512, 10_000);
    for (let turn = 0; turn < 5; turn++) {
      log.add({});
      await systemClock.wait(20);
    }
    hangs = false;
    answer.resolve(nothing);
    await eventually(() => log.committed.size === 606, 10_000);
    await stage[Symbol.asyncDispose]();
  });

  it('stops within its bound when the mapping never ends', async () => {
    const log = new Log();
    const stage = start(log, { runner: { mapEach: (tasks) => tasks.map(() => new Promise<never>(() => {})) } });
    log.add({ outputs: [event('a')] });
    await eventually(() => stage.inHand === 1);
    const began = systemClock.monotonic();
    await stage[Symbol.asyncDispose]();
    expect(systemClock.monotonic() - began).toBeLessThan(4_000);
    expect(log.committed.size).toBe(0);
  });
});
