/**
 * Three relays work on one Redis while relays are crashed and Redis is killed, frozen and restarted. An oracle outside of them knows every
 * answer: what was accepted, who holds what. Afterwards, without faults, all that was accepted must have left exactly once.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import type { LeasedEvent } from '../../src/model.ts';
import { mapped } from '../support/buffer-fixtures.ts';
import { accept, deliver, everything, lease, positionsOf, RedisKeepers } from '../support/redis-keeper.ts';
import { RedisServer } from '../support/redis-server.ts';

const leaseMs = 1_000;
const settings = { claimMs: 500, acceptMs: 250 };

/** Who holds which event until when, as far as the holder itself can know. */
class Oracle {
  readonly accepted = new Set<string>();
  readonly sent = new Set<string>();
  readonly twice: string[] = [];
  readonly #held = new Map<number, { readonly relay: Relay; readonly until: number }>();

  leased(relay: Relay, events: readonly LeasedEvent[], asked: number): void {
    const now = performance.now();
    for (const { position, id } of events) {
      const before = this.#held.get(position);
      if (before && before.relay !== relay && before.until > now && !before.relay.dead) this.twice.push(id);
      this.#held.set(position, { relay, until: asked + leaseMs });
    }
  }

  left(events: readonly LeasedEvent[]): void {
    for (const { position } of events) this.#held.delete(position);
  }
}

/** Accepts, maps and sends as fast as it may, until it is crashed or stopped. */
class Relay {
  dead = false;
  readonly #keeper: RedisBuffer;
  readonly #oracle: Oracle;
  readonly #working: Promise<unknown>;

  constructor(keeper: RedisBuffer, oracle: Oracle, accepts: boolean) {
    this.#keeper = keeper;
    this.#oracle = oracle;
    const stages = [() => this.#map(), () => this.#send()];
    if (accepts)
      stages.push(
        () => this.#accept(),
        () => this.#accept(),
      );
    this.#working = Promise.all(stages.map((stage) => this.#insist(stage)));
  }

  async crash(): Promise<void> {
    this.dead = true;
    await this.#keeper.crash();
    await this.#working;
  }

  async #insist(stage: () => Promise<void>): Promise<void> {
    while (!this.dead) {
      // What fails is tried again, as the stages of a relay do.
      await stage().catch(() => {});
      await pause(3);
    }
  }

  async #accept(): Promise<void> {
    const answer = await accept(this.#keeper);
    if (answer.status === 'accepted') this.#oracle.accepted.add(answer.id);
  }

  async #map(): Promise<void> {
    const deliveries = await this.#keeper.nextDeliveries({ ...everything, limit: 20 });
    await this.#keeper.commitMapped(deliveries.map((delivery) => mapped(delivery, 1)));
  }

  async #send(): Promise<void> {
    const asked = performance.now();
    const events = await lease(this.#keeper, { leaseMs, turns: [{ source: 'shop', eventsMax: 20 }] });
    if (this.dead) return;
    this.#oracle.leased(this, events, asked);
    for (const { delivery } of events) this.#oracle.sent.add(delivery);
    const [some, others] = [events.slice(0, 15), events.slice(15)];
    await pause(5);
    if (this.dead) return;
    // From here on another may have them, whatever is answered.
    this.#oracle.left(events);
    await deliver(this.#keeper, some);
    await this.#keeper.release(positionsOf(others), false);
  }
}

describe('three relays on one Redis among crashes', () => {
  let server: RedisServer;
  let keepers: RedisKeepers;
  beforeEach(async () => {
    server = await RedisServer.start();
    keepers = new RedisKeepers(server);
  });
  afterEach(async () => {
    await keepers.crashAll();
    await server.remove();
  });

  it('lose nothing that was accepted, send no event under two leases, and count all of it once', async () => {
    const oracle = new Oracle();
    const start = async (accepts = true) => new Relay(await keepers.open(settings), oracle, accepts);
    const relays = [await start(), await start(), await start()];
    const crashOne = async () => {
      await relays.shift()?.crash();
      relays.push(await start());
    };
    await pause(400);
    await crashOne();
    await server.kill();
    await server.startAgain();
    await pause(400);
    await crashOne();
    server.freeze();
    await pause(1_500);
    server.thaw();
    await pause(400);
    await server.stop();
    await server.startAgain();
    await crashOne();
    await pause(400);
    await Promise.all(relays.map((relay) => relay.crash()));

    const last = await keepers.open(settings);
    const relay = new Relay(last, oracle, false);
    const waiting = async () => {
      const shop = (await last.tally()).sources.shop;
      return shop && shop.unmapped + shop.waiting;
    };
    await expect.poll(waiting, { timeout: 10_000, interval: 50 }).toBe(0);
    await relay.crash();
    const { shop } = (await (await keepers.open(settings)).tally()).sources;
    expect(oracle.accepted.size).toBeGreaterThan(100);
    expect([...oracle.accepted].filter((id) => !oracle.sent.has(id))).toEqual([]);
    expect(oracle.twice).toEqual([]);
    expect(shop?.accepted).toBeGreaterThanOrEqual(oracle.accepted.size);
    expect(shop).toMatchObject({ mapped: shop?.accepted, created: shop?.accepted, delivered: shop?.accepted });
  }, 60_000);
});
