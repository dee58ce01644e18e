/** Deliveries in: one transaction for all that waited, so that one fsync answers them all. */
import { NoRoomError, type Statement } from './database.ts';
import type { History } from './history.ts';
import { keyHash } from './keys.ts';
import { type AcceptAnswer, type AcceptedRows, acceptedStride, type DiskSpace } from './messages.ts';
import { type Full, rowBytes } from './room.ts';
import type { Store } from './store.ts';

/** Said with a refusal: long enough for some batches to leave, short enough to be tried within a provider's patience. */
const retryAfterSeconds = { buffer: 30, disk: 60 } as const;
/** Types are for lists: longer ones are cut, so that a body sized one cannot fill an index. */
const typeLengthMax = 200;
/** A webhook of some size. */
const probeBytes = 64 * 1024;
/** Pieces of history that give way in front of one batch, about 3 ms each. */
const piecesMax = 4;

export class Accepting {
  readonly #store: Store;
  readonly #history: History;
  readonly #addDelivery: Statement;
  readonly #addBody: Statement;

  constructor(store: Store, history: History) {
    const { database } = store;
    this.#store = store;
    this.#history = history;
    this.#addDelivery = database.prepare(
      'INSERT INTO deliveries (id, kind, state, key, type, received_at, bytes) VALUES (?, ?, 0, ?, ?, ?, ?)',
    );
    this.#addBody = database.prepare('INSERT INTO bodies (position, head, body) VALUES (?, ?, ?)');
  }

  accept(rows: AcceptedRows, bodies: Uint8Array, monotonic: number, disk: DiskSpace | undefined): AcceptAnswer {
    const { room } = this.#store;
    let bytes = bodies.byteLength;
    for (let at = 0; at < rows.length; at += acceptedStride) bytes += rowBytes + (rows[at + 6] as string).length;
    if (!room.diskTakes(bytes, monotonic, disk)) return this.#full('disk');
    try {
      for (let piece = 0; room.pagesMissing(bytes) > 0; piece++)
        if (piece === piecesMax || !this.#history.giveWay(room.pagesMissing(bytes))) return this.#full('buffer');
      const firstIds = this.#store.change((counts) => this.#insert(rows, bodies, counts), true);
      this.#store.keys.committed();
      room.full = null;
      return { firstIds };
    } catch (error) {
      this.#store.keys.rolledBack();
      if (error instanceof NoRoomError) return this.#full('disk');
      throw error;
    }
  }

  /**
   * Whether a usual delivery would be taken now, for those who ask how it is: a refusal must not be remembered after there
   * is room again, or a relay that nobody sends to any more would never be ready again. On a full disk history gives way,
   * and what it leaves goes back to the file system; a bounded piece each time.
   */
  lookForRoom(monotonic: number, disk: DiskSpace | undefined): void {
    const { room } = this.#store;
    const diskTakes = () =>
      room.full === 'disk' ? room.diskRecovered(monotonic, disk) : room.diskWouldTake(probeBytes, monotonic, disk);
    let takes = diskTakes();
    try {
      if (!takes) {
        this.#history.giveDiskBack();
        room.full = 'disk';
        takes = diskTakes();
      } else if (room.pagesMissing(probeBytes) > 0) this.#history.giveWay(room.pagesMissing(probeBytes));
    } catch (error) {
      // Not even for that; what waits goes on leaving, and then there is.
      if (!(error instanceof NoRoomError)) throw error;
    }
    room.full = !takes ? 'disk' : room.pagesMissing(probeBytes) > 0 ? 'buffer' : null;
  }

  #full(full: Full): AcceptAnswer {
    this.#store.room.full = full;
    return { full, retryAfterSeconds: retryAfterSeconds[full] };
  }

  #insert(rows: AcceptedRows, bodies: Uint8Array, counts: Parameters<Parameters<Store['change']>[0]>[0]) {
    const { names, keys, keepDeliveriesMs } = this.#store;
    const firstIds: (string | null)[] = [];
    let bodyAt = 0;
    for (let at = 0; at < rows.length; at += acceptedStride) {
      const [id, sourceName, provider, key, fullType, receivedAt, head, length] = rows.slice(
        at,
        at + acceptedStride,
      ) as [string, string, string, string | null, string | null, number, string, number];
      const body = bodies.subarray(bodyAt, bodyAt + length);
      bodyAt += length;
      const source = names.source(sourceName);
      const hashed = key === null ? null : keyHash(sourceName, key);
      const seen = hashed === null ? null : keys.find(hashed);
      if (seen && receivedAt - seen.receivedAt < keepDeliveriesMs) {
        counts.source(source, 'duplicates');
        firstIds.push(seen.id);
        continue;
      }
      if (seen) keys.drop(seen.position);
      const type = fullType === null ? null : fullType.slice(0, typeLengthMax);
      const kind = names.newKind(source, provider, type);
      const { position } = this.#addDelivery.run(id, kind.n, key, kind.various ? type : null, receivedAt, length);
      this.#addBody.run(position, head, body);
      if (hashed !== null) keys.remember(hashed, { position, id, receivedAt });
      counts.source(source, 'accepted');
      counts.kind(kind.n, 1);
      counts.lastAcceptedAt.set(source, receivedAt);
      firstIds.push(null);
    }
    return firstIds;
  }
}
