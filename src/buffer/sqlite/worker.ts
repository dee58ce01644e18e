/**
 * The store's own thread: it alone has the file, answers one question after the other, and says so when the store has
 * failed for good. Every piece of work is bounded, so that a delivery never waits long behind a list or a sweep.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { UsageError } from '../../errors.ts';
import { Accepting } from './accepting.ts';
import { Attempts } from './attempts.ts';
import { FatalStoreError, NoRoomError } from './database.ts';
import { History } from './history.ts';
import { type Hold, holdFolder } from './holder.ts';
import { Leasing, Settling } from './leasing.ts';
import { Letters } from './letters.ts';
import { Lists } from './lists.ts';
import { MappingLog } from './mapping-log.ts';
import type { Answer, Ask, Kind, Opening, Question, Reply, WriteAnswer, WriteRequest } from './messages.ts';
import { refuseMoved } from './move-mark.ts';
import { Queueing } from './queueing.ts';
import { Remapping } from './remapping.ts';
import { ReplayDesk } from './replay-desk.ts';
import { noChanges, Replays } from './replays.ts';
import { Resending } from './resending.ts';
import { rowBytes } from './room.ts';
import { Secrets } from './secrets.ts';
import { Selecting } from './selecting.ts';
import { Store } from './store.ts';
import { openStoreFile, prepareFolder } from './store-file.ts';
import { Tallies } from './tallies.ts';
import { WholeDeliveries } from './whole.ts';

/** Pieces of history that may give way in front of one batch of mapped deliveries. */
const mappedPiecesMax = 4;

type ReplayKind =
  | 'countSelected'
  | 'selectItems'
  | 'addReplay'
  | 'replayStep'
  | 'cancelReplay'
  | 'replay'
  | 'replays'
  | 'unfinishedReplays';
type Desk = { [K in Kind]: (ask: Ask<K>, question: Question) => Answer<K> };

class StoreThread {
  readonly #hold: Hold;
  readonly #store: Store;
  readonly #history: History;
  readonly #mapping: MappingLog;
  readonly #settling: Settling;
  readonly #replays: Replays;
  readonly desk: Desk;

  constructor(opening: Opening) {
    prepareFolder(opening.folder);
    this.#hold = holdFolder(opening.folder, opening.now);
    const store = new Store(openStoreFile(opening.folder), opening);
    refuseMoved(store.database);
    const letters = new Letters(store);
    const lists = new Lists(store);
    const tallies = new Tallies(store);
    const attempts = new Attempts(store);
    const whole = new WholeDeliveries(store, lists, letters, attempts);
    const leasing = new Leasing(store);
    const secrets = new Secrets(store);
    this.#store = store;
    this.#history = new History(store);
    this.#mapping = new MappingLog(store, letters);
    const queueing = new Queueing(store);
    const remapping = new Remapping(store, letters, queueing);
    const replays = new Replays(store, remapping, new Resending(store, letters, queueing));
    this.#replays = replays;
    this.#settling = new Settling(store, letters, replays);
    const accepting = new Accepting(store, this.#history);
    this.desk = {
      accept: ({ rows, bodies }, { monotonic, disk }) =>
        accepting.accept(rows, new Uint8Array(bodies), monotonic, disk),
      write: ({ requests }, question) => this.#write(requests, question),
      next: (request) => this.#mapping.next(request),
      lease: (request, { monotonic }) => leasing.lease(request, monotonic),
      extend: ({ positions, leaseMs }, { monotonic }) => {
        store.lanes.extend(positions, monotonic + leaseMs);
        return null;
      },
      arm: ({ source, until }, { now }) => secrets.arm(source, until, now),
      learn: ({ source, secret, now }) => secrets.learn(source, secret, now),
      forget: ({ source }) => secrets.forget(source),
      secrets: () => secrets.all(),
      tally: (_ask, { monotonic, disk }) => {
        accepting.lookForRoom(monotonic, disk);
        return tallies.tally();
      },
      unmappedTypes: ({ perSourceMax }) => store.unmapped.top(perSourceMax),
      deliveries: ({ filter, page }) => lists.deliveries(filter, page),
      delivery: ({ id }) => whole.one(id),
      deadLetters: ({ filter, page }) => letters.list(filter, page),
      deadLetter: ({ id }) => letters.one(id),
      note: (note) => attempts.note(note),
      ...this.#replayDesk(new Selecting(store)),
      sweep: (_ask, { now, monotonic }) => {
        store.lanes.expire(monotonic);
        return this.#history.sweep(now);
      },
      close: () => {
        this.#close();
        return null;
      },
    };
  }

  #replayDesk(selecting: Selecting): Pick<Desk, ReplayKind> {
    const replays = this.#replays;
    const deskOf = (question: Question) =>
      new ReplayDesk(this.#store, replays, selecting, (bytes) => this.#makeRoom(bytes, question));
    return {
      countSelected: (request) => selecting.count(request),
      selectItems: (request) => selecting.items(request),
      addReplay: (replay, question) => deskOf(question).add(replay),
      replayStep: (step, question) => deskOf(question).step(step, question.now, question.monotonic),
      cancelReplay: ({ id }, question) => deskOf(question).cancel(id, question.now),
      replay: ({ id }) => replays.one(id),
      replays: ({ limit, after }) => replays.newest(limit, after),
      unfinishedReplays: () => replays.unfinished(),
    };
  }

  get lanes() {
    return this.#store.lanes;
  }

  /** After the answer went out: nobody waits for it but the next question. */
  rest(): void {
    this.#store.keys.tidy();
    this.#store.checkpoint();
  }

  /** All in one transaction; one that fails is then tried alone, so that it fails alone. */
  #write(requests: readonly WriteRequest[], question: Question): WriteAnswer[] {
    try {
      this.#writeAll(requests, question);
      return requests.map(() => null);
    } catch (error) {
      if (error instanceof FatalStoreError) throw error;
      if (requests.length > 1) return requests.flatMap((request) => this.#write([request], question));
      // What settles makes room; the log, once written back, is room for it.
      if (error instanceof NoRoomError && requests[0]?.kind !== 'mapped' && this.#store.emptyLog())
        return this.#write(requests, question);
      return [{ problem: error instanceof NoRoomError ? 'full' : 'mistake', message: (error as Error).message }];
    }
  }

  #writeAll(requests: readonly WriteRequest[], question: Question): void {
    const { now } = question;
    this.#makeRoom(bytesOf(requests), question);
    const changes = noChanges();
    const after: (() => void)[] = [];
    // What was not sent leaves no trace on disk: no transaction.
    const unwritten = requests.every((request) => request.kind === 'release' && !request.attempted);
    if (unwritten) {
      for (const request of requests)
        if (request.kind === 'release') after.push(this.#settling.release(request.positions, false));
    } else
      this.#store.change((counts) => {
        for (const request of requests) {
          if (request.kind === 'mapped') this.#mapping.commit(request.batch, counts, now);
          else if (request.kind === 'settle') after.push(this.#settling.settle(request, changes, counts, now));
          else if (request.kind === 'begin')
            for (const position of request.positions) this.#store.updates.mark(position, true);
          else after.push(this.#settling.release(request.positions, request.attempted));
        }
      });
    this.#replays.committed(changes);
    for (const step of after) step();
    if (requests.some((request) => request.kind === 'begin')) this.#store.sync();
  }

  #makeRoom(bytes: number, { monotonic, disk }: Question): void {
    if (bytes === 0) return;
    const { room } = this.#store;
    for (let piece = 0; piece < mappedPiecesMax && room.pagesMissing(bytes) > 0; piece++)
      if (!this.#history.giveWay(room.pagesMissing(bytes))) break;
    if (room.pagesMissing(bytes - room.headroomBytes()) > 0)
      throw new NoRoomError('waiting events fill the buffer and its headroom');
    if (room.diskLeavesReserve(bytes, monotonic, disk)) return;
    this.#history.giveDiskBack();
    if (!room.diskLeavesReserve(bytes, monotonic, disk)) throw new NoRoomError('the rest of the disk is for settling');
  }

  #close(): void {
    this.#store.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#store.database.close();
    this.#hold.release();
  }
}

function bytesOf(requests: readonly WriteRequest[]): number {
  let bytes = 0;
  for (const request of requests)
    if (request.kind === 'mapped')
      for (const { events, dead } of request.batch) {
        for (const event of events) bytes += (event.update ? 2 : 1) * rowBytes + event.json.length;
        for (const letter of dead) bytes += rowBytes + (letter.eventJson?.length ?? 0) + letter.message.length;
      }
  return bytes;
}

function serve(port: NonNullable<typeof parentPort>): void {
  const say = (reply: Reply, transfer: ArrayBuffer[] = []) => port.postMessage(reply, transfer);
  let thread: StoreThread;
  try {
    thread = new StoreThread(workerData as Opening);
  } catch (error) {
    if (error instanceof UsageError) say({ refused: error.problems });
    else
      say({
        refused: [`The store in ${(workerData as Opening).folder} cannot be opened: ${(error as Error).message}`],
      });
    port.close();
    return;
  }
  say({ opened: thread.lanes.readyChanges() });
  port.on('message', (question: Question) => {
    const { turn, kind, ask } = question;
    try {
      const answer = (thread.desk[kind] as (ask: Ask, question: Question) => unknown)(ask, question);
      const transfer = kind === 'next' ? [(answer as Answer<'next'>).bodies] : [];
      say({ turn, answer, ready: thread.lanes.readyChanges() }, transfer);
      if (kind === 'close') port.close();
      else thread.rest();
    } catch (error) {
      const judged = error as Error;
      if (judged instanceof FatalStoreError || isSqliteError(judged)) {
        say({ fatal: judged.message });
        port.close();
      } else say({ turn, mistake: judged.message, ready: thread.lanes.readyChanges() });
    }
  });
}

/** Outside transactions (reading, checkpoints) SQLite has no harmless errors. */
function isSqliteError(error: Error): boolean {
  return 'errcode' in error;
}

if (parentPort) serve(parentPort);
