/**
 * Every key of the Redis keeper: what it holds, and which promise of `../contract.ts` hangs on it.
 *
 * All keys of a shard begin with `{relay:SHARD}:`. The braces are Redis Cluster's hash tag: a shard lies on one node, so a
 * script may touch all of it in one transaction. Lua makes the same names behind the prefix it is given;
 * `test/buffer/redis-keys.test.ts` holds the two together.
 *
 * Streams are used where a group keeps the promise (handing out unmapped deliveries). What waits to be sent is in sorted sets: a
 * group cannot put a released event before later ones, end a lease at a time of its own, give so many of each source and
 * route, take the oldest by their own time, or hold an update back until the one before it has left (promises 4, 6 and 11).
 */
import { hash } from 'node:crypto';

/** Raised when the keys change in a way that an older relay would misread. */
export const formatVersion = 2;
/** The consumer group of `unmapped`; made anew from the start when it is gone. */
export const mappingGroup = 'map';
/** Types of a source that have an index of their own (accept.lua); further ones share one (`kind`). */
export const indexedTypesMax = 200;

/** The names behind the prefix; those that end in `:` are followed by what they are about. */
export const keyNames = {
  /**
   * Hash: `format`, `shards`; counters `p` (deliveries) `e` (events) `l` (letters) `r` (replays) `n` (lanes); `bytes` kept; `lastLetterAt`; `bodiesFrom`: where
   * bodies that give way are looked for next; `move`: the mark of a move (../carrying.ts), and `carried`: why a relay must not start on it. `server`:
   * which Redis this was when a relay last connected (meet.lua).
   */
  meta: 'meta',
  /** Hash: `<what> <source>` → count; accepted, duplicates, mapped, skipped, failed, created, delivered, dead, lastAcceptedAt (8). */
  tally: 'tally',

  /**
   * Hash of one delivery, by id: `p` position, `f` facts (JSON: source, provider, type, key, receivedAt, bytes), `h` head (JSON: method,
   * headers, query) and `b` body, both gone when forgotten; `s` state (a, m, s, f), `k` its `kind` without the state; events `c`reated,
   * `w`aiting, dead `x`; `t` when one left last; `e` its events as runs `first:count …` of event counters; `z` bytes of all that (1).
   */
  delivery: 'd:',
  /** Hash: delivery → when the one event left that it became; then its `w` and `t` are not looked at. Most are so, and written together. */
  left: 'left',
  /** String with a time to live: `<receivedAt> <delivery id>` of a key that was seen, by hash (2). */
  seen: 'seen:',
  /** Sorted set, id → position: all deliveries kept; ids to positions and back, and the list of all. */
  deliveries: 'deliveries',
  /** Sorted set, id → time of receipt: lists of a time range. */
  received: 'received',
  /** Sorted set, id → position, for each state, source and type: `kind:m:shop:charge.succeeded`. No type: `-`; others: `*`; own ones begin with `=`. */
  kind: 'kind:',
  /** Set: the types of a source that have a `kind` of their own (with the `=`). */
  types: 'types:',
  /** Stream `<position>-0 d <id>`: what is to be mapped; a consumer of the group is a relay, a pending entry its claim (3). */
  unmapped: 'unmapped',
  /** Sorted set, id → since when it waits: mapped, with events that wait. Its first, or that of `unmapped`, is the oldest waiting. */
  open: 'open',
  /** Sorted set, id → time of receipt: mapped and nothing waits. What goes first when it is old or room is needed (7). */
  settled: 'settled',

  /** Hash: `<destination>\x1f<route>\x1f<source>` → lane number, and `#<number>` → that name. */
  lanes: 'lanes',
  /** Hash: lane number → events waiting, leased and held back ones included (8). */
  waiting: 'waiting',
  /**
   * String of one event, by position: `<lane> <since when it waits> <own time> <id> <1: all that its delivery became>`, a line end, its JSON. It
   * never changes. One that is in `byTime` or `updates` waits; of the others those in `died` are dead, and the rest was delivered.
   */
  event: 'e:',
  /** Set of positions: died (their letters may have given way). */
  died: 'died',
  /** Hash: position → how often it was sent in vain. */
  attempts: 'attempts',
  /** Hash: position → `<destination> <key>` of an update that waits. */
  keyed: 'keyed',
  /** Hash: position → `1` for an update that waits and may have left (12). */
  begun: 'begun',
  /** Hash: position → `<replay> <item>` that a waiting event is of. */
  replayed: 'replayed',
  /** Sorted set, position → position, of a lane: ready. What is released lies before what is later by itself (6). */
  ready: 'q:',
  /** Sorted set, position → own time, of a lane: ready or leased, for `olderThan`. */
  byTime: 'o:',
  /** Sorted set, token → end by the server's clock: leases (4). */
  leased: 'leased',
  /**
   * String, by token, which begins with the id of the relay that holds it: `<lane>:<positions>;` of each lane. Each waiting event is in one of these,
   * or ready, or behind an older update of its key. Or `void`, with a time to live, when nobody waits for its answer any more.
   */
  lease: 'lease:',
  /** Sorted set, position → position, by `<destination> <key>`: updates that wait; the first is ready or leased (11). */
  updates: 'u:',

  /** Hash of one dead letter, by id; its fields are in letters.lua. */
  letter: 'l:',
  /** Sorted set, id → position: all dead letters. */
  letters: 'letters',
  /** Sorted set, id → position: dead letters of `<source>:<reason>`. */
  letterKind: 'lk:',
  /** Sorted set, id → position: dead letters of a delivery, whether that is kept or not. */
  lettersOf: 'dl:',
  /** Hash: `<source> <reason>` → dead letters kept (8). */
  letterCounts: 'lettercounts',

  /** Hash of a source: type → JSON [skipped, failed, since, lastAt, lastDelivery]; none is '', bounded (10). */
  fallen: 'fallen:',
  /** List of `<lowest> <highest> <JSON>`, newest first: the last requests that did not go well, between which positions (in shard 0). */
  notes: 'notes',
  /** Hash: source → `armed <until>` or `secret <at> <token> <secret>` (9; in shard 0). */
  secrets: 'secrets',

  /** Hash: project → `<end by the server's clock> <relay>`: who sends to it (`../sendership.ts`; in shard 0). */
  senders: 'senders',
  /** Hash: relay → `<since> <last heard of> <projects that it can send to>` (in shard 0). */
  relays: 'relays',
  /** Hash: relay → `<last heard of> <JSON of source and revision>`: the mappings that it runs (in shard 0). */
  instances: 'instances',
  /** Hash of a project: destination → `<when> <text>` that its sender noted last; it lasts a week (in shard 0). */
  noted: 'noted:',

  /** Sorted set, id → number: replays (in shard 0, with their records). */
  replays: 'replays',
  /** Set: ids of replays that run. */
  running: 'running',
  /** Hash of one replay: mode, selection, state, selecting, place, upTo, count, by, createdAt, selectedAt, endedAt, endedBy (13; in shard 0). */
  replay: 'r:',
  /** Hash: item → `<waiting> <dead>`, of a replay, in the shard of the item's source. */
  replayItems: 'ri:',
  /** String: the cursor up to which a replay's items are done in this shard (13, with several shards). */
  replayPlace: 'rp:',
  /** Hash: progress of a replay in this shard: done, delivered, failed, nothing, waiting, lastFailure, failedAt, leftAt. */
  replayCounts: 'rc:',
} as const;

export function prefixOf(shard: number): string {
  return `{relay:${shard}}:`;
}

/** The shard of a source; the same in every relay. */
export function shardOf(source: string, shards: number): number {
  if (shards === 1) return 0;
  return Number.parseInt(hash('sha256', source, 'hex').slice(0, 8), 16) % shards;
}

/** 128 bits, the same as in a data folder (sqlite/keys.ts), so that they can be carried: two keys never meet by chance. */
export function seenKeyHash(source: string, key: string): string {
  return hash('sha256', `${source}\0${key}`, 'buffer').subarray(0, 16).toString('base64url');
}

const laneSeparator = '\x1f';

export function laneName(destination: string, route: string, source: string): string {
  return [destination, route, source].join(laneSeparator);
}

export function laneParts(name: string): { destination: string; route: string; source: string } {
  const [destination = '', route = '', source = ''] = name.split(laneSeparator);
  return { destination, route, source };
}
