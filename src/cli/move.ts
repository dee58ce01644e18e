/**
 * `move --from PLACE --to PLACE`: carries all that one buffer keeps into another, empty one; a place is a data folder or a Redis. Run
 * again after whatever ended it, it goes on. Exit 0: both sides count the same · 1: they do not, or it was refused · 2: wrong usage.
 */
import { resolve } from 'node:path';
import { type Carrying, counted, type Piece } from '../buffer/carrying.ts';
import { type Moved, move, unmark } from '../buffer/moving.ts';
import { carryRedis } from '../buffer/redis/carrying.ts';
import { carrySqlite } from '../buffer/sqlite/carrying.ts';
import { type Clock, systemClock } from '../clock.ts';
import { redisAddress } from '../config/kinds.ts';
import type { Settings } from '../config/settings.ts';
import { shown, withoutCredentials } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { readCount } from './api.ts';
import { table } from './output.ts';
import type { Context } from './program.ts';
import { settingsHere } from './settings.ts';

export type MoveOptions = {
  readonly from?: string;
  readonly to?: string;
  /** Of a Redis that is moved to. */
  readonly shards?: string;
  readonly unmark?: string;
};

type Place = { readonly kind: 'folder'; readonly folder: string } | { readonly kind: 'redis'; readonly url: string };

/** As RELAY_REDIS_SHARDS. */
const SHARDS_MAX = 64;
const TELL_EVERY_MS = 2_000;

export async function moveBuffer(options: MoveOptions, context: Context, clock: Clock = systemClock): Promise<number> {
  const settings = settingsHere();
  if (options.unmark !== undefined) return await takeMarkAway(options, { settings, clock, context });
  if (options.from === undefined || options.to === undefined)
    throw new UsageError(['move needs --from and --to: each a data folder, or the address of a Redis']);
  const places = [placeOf(options.from, settings), placeOf(options.to, settings)] as const;
  const [from, to] = places;
  if (nameOf(from) === nameOf(to)) throw new UsageError([`--from and --to are the same: ${shown(nameOf(from))}`]);
  if (to.kind === 'folder' && options.shards !== undefined)
    throw new UsageError(['--shards goes with a Redis that is moved to: a data folder has none']);
  const shards = readCount(options.shards, '--shards', settings.redis?.shards ?? 1, SHARDS_MAX);
  return await masked(places, async () => {
    await using source = await open(from, { settings, clock, shards: null });
    await using target = await open(to, { settings, clock, shards });
    const moved = await move({ from: source, to: target }, clock, teller(context, clock));
    return speak(moved, { source, target }, context);
  });
}

async function takeMarkAway(
  { from, to, unmark: where }: MoveOptions,
  { settings, clock, context }: { settings: Settings; clock: Clock; context: Context },
): Promise<number> {
  if (from !== undefined || to !== undefined || where === undefined)
    throw new UsageError(['--unmark names one place and goes alone']);
  const place = placeOf(where, settings);
  return await masked([place], async () => {
    await using kept = await open(place, { settings, clock, shards: null });
    const mark = await unmark(kept);
    if (context.json) context.output.json({ place: kept.place, unmarked: mark !== null });
    else if (mark === null) context.output.result(`${kept.place} has no mark that keeps relays out`);
    else {
      context.output.result(`a relay may start on ${kept.place} again`);
      context.output.say(`What was carried to ${mark.other} is there, too: started on both, it is delivered twice.`);
    }
    return 0;
  });
}

function placeOf(text: string, settings: Settings): Place {
  if (text === 'REDIS_URL') {
    if (settings.redis === null) throw new UsageError(['REDIS_URL is not set']);
    return { kind: 'redis', url: settings.redis.url };
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'folder', folder: resolve(text) };
  const url = URL.parse(text);
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
    throw new UsageError([`${shown(text)}: a place is a data folder, a redis:// or rediss:// address, or REDIS_URL`]);
  const parsed = redisAddress.parse(text);
  if (!parsed.ok) throw new UsageError([`${shown(text)} ${parsed.problem}`]);
  return { kind: 'redis', url: text };
}

/** What the same place is called twice. */
function nameOf(place: Place): string {
  if (place.kind === 'folder') return place.folder;
  const { hostname, port, pathname } = new URL(place.url);
  return `redis://${hostname}:${port || '6379'}/${pathname.slice(1) || '0'}`;
}

async function open(
  place: Place,
  { settings, clock, shards }: { settings: Settings; clock: Clock; shards: number | null },
): Promise<Carrying> {
  const { keepDeliveriesMs, bufferBytesMax: bytesMax } = settings;
  if (place.kind === 'folder')
    return carrySqlite({ folder: place.folder, clock, bytesMax, keepDeliveriesMs, mayBeNew: shards !== null });
  const durability = settings.redis?.durability ?? 'strict';
  return await carryRedis({ url: place.url, place: nameOf(place), clock, keepDeliveriesMs, shards, durability });
}

/** Whatever fails, and in whose words: no password of an address is said. */
async function masked<T>(places: readonly Place[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(error.problems.map(hide), error.exitCode);
    throw new UsageError([`${hide((error as Error).message)} The move is not over: run it again.`], 1);
  }
  function hide(text: string): string {
    let hidden = withoutCredentials(text);
    for (const place of places) {
      if (place.kind !== 'redis') continue;
      const { password } = new URL(place.url);
      for (const secret of [password, decodeURIComponent(password)])
        if (secret !== '') hidden = hidden.replaceAll(secret, '[hidden]');
    }
    return hidden;
  }
}

/** Now and then, for a large one takes minutes. */
function teller({ output }: Context, clock: Clock): (kind: Piece['kind'], rows: number) => void {
  const carried = new Map<Piece['kind'], number>();
  let toldAt = clock.monotonic();
  return (kind, rows) => {
    carried.set(kind, (carried.get(kind) ?? 0) + rows);
    if (clock.monotonic() - toldAt < TELL_EVERY_MS) return;
    toldAt = clock.monotonic();
    output.say([...carried].map(([what, count]) => `${count} ${what}`).join(', '));
  };
}

function speak(
  { counts, same, before, cut }: Moved,
  { source, target }: { source: Carrying; target: Carrying },
  { output, json }: Context,
): number {
  const [from, to] = [source.place, target.place];
  if (json) output.json({ from, to, same, before, counts, cancelled_replays: cut });
  else {
    const rows = counted.map((what) => {
      const [one, other] = [String(counts.from[what]), String(counts.to[what])];
      return [what, one, one === other ? other : output.style('red', other)];
    });
    for (const line of table([['', 'from', 'to'], ...rows])) output.result(line);
  }
  for (const id of cut) output.say(`${id} was still selecting: it is cancelled; what it had queued goes on.`);
  if (before) output.say(`This move was over before; these are its counts.`);
  if (!same)
    output.say('The counts differ: nothing is marked as moved. Run it again; if they still differ, keep both places.');
  else output.say(`All of ${from} is in ${to} now. A relay does not start on ${from} any more.`);
  return same ? 0 : 1;
}
