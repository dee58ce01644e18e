/** Reading, replaying, secrets and what falls through: what a keeper does beside the way of a webhook, put together. */
import type { Clock } from '../../clock.ts';
import type { BufferKeeper } from '../contract.ts';
import type { ReadingKeeper } from '../reading.ts';
import type { ReplayingKeeper } from '../replaying.ts';
import { LetterLists } from './reading-letters.ts';
import { DeliveryLists } from './reading-lists.ts';
import { Notes } from './reading-notes.ts';
import { WholeDeliveries } from './reading-whole.ts';
import { ReplayRecords, recordOf } from './replay-records.ts';
import { ReplaySteps } from './replay-steps.ts';
import { Secrets } from './secrets.ts';
import { Selecting } from './selecting.ts';
import type { Shard } from './shard.ts';
import { unmappedTypes } from './unmapped-types.ts';

type Beside = ReadingKeeper &
  ReplayingKeeper &
  Pick<BufferKeeper, 'arm' | 'learnSecret' | 'learnedSecrets' | 'armed' | 'forgetSecret' | 'unmappedTypes'>;

export type BesideOptions = {
  readonly shards: readonly Shard[];
  readonly clock: Pick<Clock, 'now'>;
  /** Bytes of one shard, headroom included. */
  readonly bytesMax: number;
};

export function beside({ shards, clock, bytesMax }: BesideOptions): Beside {
  const [first] = shards as readonly [Shard, ...Shard[]];
  const notes = new Notes(first);
  const lists = new DeliveryLists(shards);
  const letters = new LetterLists(shards);
  const wholes = new WholeDeliveries(shards, notes);
  const selecting = new Selecting(shards);
  const records = new ReplayRecords(shards, clock);
  const steps = new ReplaySteps({ shards, records, bytesMax, now: clock.now });
  const secrets = new Secrets(first, clock);
  return {
    arm: (source, until) => secrets.arm(source, until),
    learnSecret: (source, secret, now) => secrets.learn(source, secret, now),
    learnedSecrets: () => secrets.learned(),
    armed: (now) => secrets.armed(now),
    forgetSecret: (source) => secrets.forget(source),
    unmappedTypes: (perSourceMax) => unmappedTypes(shards, perSourceMax),
    deliveries: (filter, page) => lists.page(filter, page),
    delivery: (id) => wholes.one(id),
    deadLetters: (filter, page) => letters.page(filter, page),
    deadLetter: (id) => letters.one(id),
    noteAttempt: (note) => notes.note(note),
    countSelected: (request) => selecting.count(request),
    selectItems: (request) => selecting.items(request),
    addReplay: (replay) => records.add(replay),
    replayStep: (step) => steps.step(step),
    cancelReplay: (id) => records.cancel(id),
    replay: async (id) => {
      const record = await records.one(id);
      return record && recordOf(record);
    },
    replays: (page) => records.newest(page),
    unfinishedReplays: () => records.unfinished(),
  };
}
