/** Who sends, with several relays on a real Redis: always one, soon another when that one is gone, and never two. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Senderships } from '../../src/buffer/redis/sendership.ts';
import { Shard } from '../../src/buffer/redis/shard.ts';
import { noteLengthMax, type Sender, type Sendership } from '../../src/buffer/sendership.ts';
import { systemClock } from '../../src/clock.ts';
import { Line } from '../support/line.ts';
import { RedisServer } from '../support/redis-server.ts';

/** The promise of `sendership.ts`, and what a busy machine takes. */
const soon = { timeout: 1_500, interval: 10 };
const afterDeath = { timeout: 4_500, interval: 10 };

type Relay = {
  readonly senderships: Senderships;
  of(project: string, destination?: string): Sendership;
  /** As a crash would: nothing is said any more. */
  die(): Promise<void>;
};

/** Relays on one server; what they send to is named differently in each test, so that tests can run side by side. */
class Relays {
  server!: RedisServer;
  readonly lines: Line[] = [];
  readonly #relays: Relay[] = [];

  async begin(): Promise<void> {
    this.server = await RedisServer.start();
  }

  async open({ url = this.server.url, steadyMs = 500 } = {}): Promise<Relay> {
    const clock = systemClock;
    const holder = `rly_${this.#relays.length}_${clock.random()}`;
    const shard = new Shard({
      ...{ url, clock, name: 'test', number: 0, shards: 1, serverTime: undefined },
      ...{ holder, onReady: () => {}, onBroken: () => {} },
    });
    await shard.work.first;
    const senderships = new Senderships({ shard, relay: holder, clock, steadyMs });
    const relay = {
      senderships,
      of: (project: string, destination = project) => senderships.of({ project, destination }),
      die: async () => {
        await Promise.all([senderships.crash(), shard.close()]);
      },
    };
    this.#relays.push(relay);
    return relay;
  }

  async end(): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.die()));
    await Promise.all(this.lines.map((line) => line.close()));
    await this.server.remove();
  }
}

const sending = (...ones: readonly Sendership[]) => ones.filter((one) => one.sender() === 'this').length;
/** What it says each time when it calls. */
function heardBy(one: Sendership): Sender[] {
  const heard: Sender[] = [];
  one.onChange(() => heard.push(one.sender()));
  return heard;
}

const pause = (ms: number) => systemClock.wait(ms);

describe.concurrent('who sends', () => {
  const relays = new Relays();
  const open = (options = {}) => relays.open(options);
  beforeAll(() => relays.begin());
  afterAll(() => relays.end());

  it('is exactly one of three, and it stays the one', async ({ expect }) => {
    const ones = (await Promise.all([open(), open(), open()])).map((relay) => relay.of('p1'));
    await expect.poll(() => ones.map((one) => one.sender()).sort(), soon).toEqual(['another', 'another', 'this']);
    const first = ones.findIndex((one) => one.sender() === 'this');
    for (let looks = 0; looks < 80; looks++) {
      await pause(50);
      expect(ones.map((one) => one.sender() === 'this').indexOf(true)).toBe(first);
      expect(sending(...ones)).toBe(1);
    }
  });

  it('is another one soon after the death of the first, and nobody in between', async ({ expect }) => {
    const [first, second, third] = [await open(), await open(), await open()];
    const dead = first.of('p2');
    await expect.poll(() => dead.sender(), soon).toBe('this');
    const [one, other] = [second.of('p2'), third.of('p2')];
    await expect.poll(() => [one.sender(), other.sender()], soon).toEqual(['another', 'another']);
    await first.die();
    await expect.poll(() => sending(one, other), afterDeath).toBe(1);
    expect(dead.sender()).toBe('unknown');
  });

  it('is another one at once when the first resigns, and the first never again', async ({ expect }) => {
    const [one, other] = [(await open()).of('p3'), (await open()).of('p3')];
    await expect.poll(() => sending(one, other), soon).toBe(1);
    const [first, second] = one.sender() === 'this' ? [one, other] : [other, one];
    await first.resign();
    expect(first.sender()).toBe('another');
    await expect.poll(() => second.sender(), soon).toBe('this');
    await second.resign();
    await pause(1_000);
    expect([first.sender(), second.sender()]).toEqual(['another', 'another']);
  });

  it('is still the first one while one of its two destinations has not resigned', async ({ expect }) => {
    const relay = await open();
    const [one, other] = [relay.of('p4', 'a'), relay.of('p4', 'b')];
    await expect.poll(() => sending(one, other), soon).toBe(2);
    const next = (await open()).of('p4');
    await one.resign();
    await pause(1_500);
    expect([one.sender(), other.sender(), next.sender()]).toEqual(['another', 'this', 'another']);
    await other.resign();
    await expect.poll(() => next.sender(), soon).toBe('this');
  });

  it('is another one at once when the relay ends in order', async ({ expect }) => {
    const first = await open();
    const one = first.of('p5');
    await expect.poll(() => one.sender(), soon).toBe('this');
    const next = (await open()).of('p5');
    await first.senderships.end();
    await expect.poll(() => next.sender(), soon).toBe('this');
  });

  it('is told by nobody but hears of it: listeners are called when it changes, and not else', async ({ expect }) => {
    const [one, other] = [(await open()).of('p6'), (await open()).of('p6')];
    await expect.poll(() => [one.sender(), other.sender()].sort(), soon).toEqual(['another', 'this']);
    const [first, second] = one.sender() === 'this' ? [one, other] : [other, one];
    let calls = 0;
    second.onChange(() => calls++);
    const stopped = second.onChange(() => calls++);
    stopped();
    await pause(1_000);
    expect(calls).toBe(0);
    await first.resign();
    await expect.poll(() => calls, soon).toBe(1);
    expect(second.sender()).toBe('this');
  });

  it('is never two, also when one hears nothing any more and the others do', { timeout: 60_000 }, async ({
    expect,
  }) => {
    const behind = await Promise.all([1, 2, 3].map(() => Line.to(relays.server.port)));
    relays.lines.push(...behind);
    const ones = await Promise.all(behind.map(async (line) => (await open({ url: line.url })).of('p7')));
    let [most, none, senders] = [0, 0, new Set<number>()];
    const over = new AbortController();
    const watching = (async () => {
      for (; !over.signal.aborted; await pause(5)) {
        const now = ones.flatMap((one, at) => (one.sender() === 'this' ? [at] : []));
        most = Math.max(most, now.length);
        if (now.length === 0) none++;
        for (const at of now) senders.add(at);
      }
    })();
    for (let round = 0; round < 3; round++) {
      await expect.poll(() => sending(...ones), afterDeath).toBe(1);
      const at = ones.findIndex((one) => one.sender() === 'this');
      behind[at]?.loseAnswers(true);
      await expect.poll(() => ones[at]?.sender(), { timeout: 4_000, interval: 10 }).not.toBe('this');
      await expect.poll(() => sending(...ones), afterDeath).toBe(1);
      behind[at]?.loseAnswers(false);
    }
    over.abort();
    await watching;
    expect(most).toBe(1);
    expect(none).toBeGreaterThan(0);
    expect(senders.size).toBeGreaterThan(1);
  });

  it('is shared out: of four projects each of two relays gets two, and keeps them', { timeout: 20_000 }, async ({
    expect,
  }) => {
    const projects = ['a8', 'b8', 'c8', 'd8'];
    const first = await open();
    const before = projects.map((project) => first.of(project));
    await expect.poll(() => sending(...before), soon).toBe(4);
    const second = await open();
    const after = projects.map((project) => second.of(project));
    await expect.poll(() => [sending(...before), sending(...after)], { timeout: 5_000 }).toEqual([2, 2]);
    const held = projects.filter((_, at) => after[at]?.sender() === 'this');
    for (let looks = 0; looks < 40; looks++) {
      await pause(50);
      expect(projects.filter((_, at) => after[at]?.sender() === 'this')).toEqual(held);
      expect(sending(...before)).toBe(2);
    }
  });

  it('is not shared out to a relay that has just come', async ({ expect }) => {
    const projects = ['e', 'f', 'g'];
    const first = await open({ steadyMs: 60_000 });
    const before = projects.map((project) => first.of(project));
    await expect.poll(() => sending(...before), soon).toBe(3);
    const second = await open();
    const after = projects.map((project) => second.of(project));
    await expect.poll(() => after.map((one) => one.sender()), soon).toEqual(Array(3).fill('another'));
    await pause(2_000);
    expect([sending(...before), sending(...after)]).toEqual([3, 0]);
  });

  it('is not shared out to a relay that cannot send there', async ({ expect }) => {
    const first = await open();
    const before = ['h', 'i', 'j'].map((project) => first.of(project));
    await expect.poll(() => sending(...before), soon).toBe(3);
    const other = (await open()).of('elsewhere');
    await expect.poll(() => other.sender(), soon).toBe('this');
    await pause(2_000);
    expect(sending(...before)).toBe(3);
  });

  describe('what the sender notes', () => {
    it('is heard of by the others, with its age, and outlives it', async ({ expect }) => {
      const [first, second] = [await open(), await open()];
      const one = first.of('p101');
      await expect.poll(() => one.sender(), soon).toBe('this');
      const other = second.of('p101');
      expect(other.noted()).toBe(null);
      one.note('früher');
      one.note('{"später":1}');
      expect(one.noted()?.text).toBe('{"später":1}');
      await expect.poll(() => other.noted()?.text, soon).toBe('{"später":1}');
      await first.die();
      await expect.poll(() => other.sender(), afterDeath).toBe('this');
      const { text, ageMs } = other.noted() ?? { text: '', ageMs: 0 };
      expect(text).toBe('{"später":1}');
      expect(ageMs).toBeGreaterThan(1_500);
      expect(ageMs).toBeLessThan(6_000);
    });

    it('is of each destination of a project for itself', async ({ expect }) => {
      const relay = await open();
      const [one, other] = [relay.of('p102', 'a'), relay.of('p102', 'b')];
      await expect.poll(() => sending(one, other), soon).toBe(2);
      one.note('of a');
      other.note('of b');
      const later = await open();
      const read = [later.of('p102', 'a'), later.of('p102', 'b')];
      await expect.poll(() => read.map((which) => which.noted()?.text), soon).toEqual(['of a', 'of b']);
    });

    it('is there also when it resigns at once', async ({ expect }) => {
      const one = (await open()).of('p103');
      await expect.poll(() => one.sender(), soon).toBe('this');
      one.note('last words');
      await one.resign();
      const next = (await open()).of('p103');
      await expect.poll(() => next.sender(), soon).toBe('this');
      expect(next.noted()?.text).toBe('last words');
    });

    it('counts for nothing from a relay that is not the sender, or longer than it may be', async ({ expect }) => {
      const [one, other] = [(await open()).of('p104'), (await open()).of('p104')];
      await expect.poll(() => sending(one, other), soon).toBe(1);
      const [first, second] = one.sender() === 'this' ? [one, other] : [other, one];
      first.note('kept');
      await expect.poll(() => second.noted()?.text, soon).toBe('kept');
      second.note('not mine to say');
      first.note('x'.repeat(noteLengthMax + 1));
      await pause(1_500);
      expect([first.noted()?.text, second.noted()?.text]).toEqual(['kept', 'kept']);
    });

    it('counts for nothing from one that was the sender and did not hear that it is no more', async ({ expect }) => {
      const line = await Line.to(relays.server.port);
      relays.lines.push(line);
      const first = (await open({ url: line.url })).of('stale');
      await expect.poll(() => first.sender(), soon).toBe('this');
      line.loseAnswers(true);
      await expect.poll(() => first.sender(), { timeout: 4_000 }).toBe('unknown');
      first.note('of before');
      const second = (await open()).of('stale');
      await expect.poll(() => second.sender(), afterDeath).toBe('this');
      second.note('of now');
      line.loseAnswers(false);
      await expect.poll(() => first.sender(), { timeout: 4_000 }).toBe('another');
      await pause(500);
      expect([first.noted()?.text, second.noted()?.text]).toEqual(['of now', 'of now']);
    });
  });
});

describe('who sends while Redis is away', () => {
  const relays = new Relays();
  beforeAll(() => relays.begin());
  afterAll(() => relays.end());

  it('is nobody, and one again soon after it is back, which hears of that', async () => {
    const ones = [(await relays.open()).of('p'), (await relays.open()).of('p')];
    await expect.poll(() => sending(...ones), soon).toBe(1);
    await relays.server.kill();
    await expect.poll(() => ones.map((one) => one.sender()), { timeout: 3_500 }).toEqual(['unknown', 'unknown']);
    const heard = ones.map((one) => heardBy(one));
    await relays.server.startAgain();
    await expect.poll(() => sending(...ones), { timeout: 3_000, interval: 10 }).toBe(1);
    expect(heard[ones.findIndex((one) => one.sender() === 'this')]?.at(-1)).toBe('this');
  });

  it('is no relay that stood still itself, until it has heard that it still is the one', async () => {
    const one = (await relays.open()).of('r');
    await expect.poll(() => one.sender(), soon).toBe('this');
    const heard = heardBy(one);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500);
    expect(one.sender()).toBe('unknown');
    await expect.poll(() => heard.at(-1), soon).toBe('this');
  });

  it('is never two after it was frozen for longer than anybody is the one', async () => {
    const [one, other] = [(await relays.open()).of('q'), (await relays.open()).of('q')];
    await expect.poll(() => sending(one, other), soon).toBe(1);
    relays.server.freeze();
    await expect.poll(() => [one.sender(), other.sender()], { timeout: 3_500 }).toEqual(['unknown', 'unknown']);
    await pause(1_500);
    let most = 0;
    relays.server.thaw();
    for (let looks = 0; looks < 300; looks++) {
      most = Math.max(most, sending(one, other));
      await pause(10);
    }
    expect(most).toBe(1);
    expect(sending(one, other)).toBe(1);
  });
});
