/** What each relay on one Redis runs, as the others hear of it. */
import { describe, expect, it } from 'vitest';
import { emptiedRedis } from '../support/redis-keeper.ts';

const goneMs = 15_000;

describe('what relays run', () => {
  const redis = emptiedRedis();
  const open = () => redis.openAtTime();
  const [old, mended] = [new Map([['shop', 'r1']]), new Map([['shop', 'r2']])];

  it('is told to the others, one’s own first', async () => {
    const [one, other] = [await open(), await open()];
    expect(await one.noteInstance(old)).toEqual([old]);
    expect(await other.noteInstance(mended)).toEqual([mended, old]);
    expect(await one.noteInstance(mended)).toEqual([mended, mended]);
    expect(await one.noteInstance(new Map())).toEqual([new Map(), mended]);
  });

  it('is forgotten of a relay that was not heard of for a while, and not before', async () => {
    const [one, other] = [await open(), await open()];
    await one.noteInstance(old);
    await one.crash();
    redis.time += goneMs;
    expect(await other.noteInstance(mended)).toEqual([mended, old]);
    redis.time += 1;
    expect(await other.noteInstance(mended)).toEqual([mended]);
    redis.time -= goneMs;
    expect(await other.noteInstance(mended)).toEqual([mended]);
  });

  it('is forgotten at once of a relay that ends', async () => {
    const [one, other] = [await open(), await open()];
    await one.noteInstance(old);
    await one[Symbol.asyncDispose]();
    expect(await other.noteInstance(mended)).toEqual([mended]);
  });

  it('is forgotten when the clock of Redis went back, until it is told again', async () => {
    const [one, other] = [await open(), await open()];
    await one.noteInstance(old);
    redis.time -= 10 * goneMs;
    expect(await other.noteInstance(mended)).toEqual([mended]);
    expect(await one.noteInstance(old)).toEqual([old, mended]);
  });

  it('is passed over where another version tells it in another way', async () => {
    const one = await open();
    await redis.server.ask('HSET', '{relay:0}:instances', 'rly_x', `${redis.time} {"shop":"r9"}`);
    expect(await one.noteInstance(old)).toEqual([old]);
  });
});
