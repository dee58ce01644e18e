/**
 * How much room there is: the bound of the buffer (whole pages in use, indices included, and the log's share) and
 * the free space of the disk. Free pages inside the file count as room; the file itself never grows past its bound.
 */
import { statfsSync } from 'node:fs';
import { type Database, FatalStoreError, type Statement } from './database.ts';
import type { DiskSpace } from './messages.ts';
import { pageBytes, walBytesMax } from './store-file.ts';

/** Contract §2: refuse with less than 64 MiB or 5 % free, whichever is smaller. */
const diskFreeBytesMin = 64 * 1024 * 1024;
const diskFreePart = 0.05;
/** Asking the disk costs some µs and its answer hardly changes; what we write ourselves meanwhile is counted. */
const diskAskedEveryMs = 500;
/** Measured: a row of each table and index that a delivery, or an event, needs besides its text. */
export const rowBytes = 400;

export type Full = 'buffer' | 'disk';

export class Room {
  readonly bytesMax: number;
  readonly #folder: string;
  readonly #pagesMax: number;
  readonly #pageCount: Statement;
  readonly #freePages: Statement;
  readonly #walBytes: number;
  #disk: DiskSpace | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #writtenSince = 0;
  /** Length of the log, when it was looked at last. */
  logPages = 0;
  /** Why the last delivery that asked was refused; null: it was taken. */
  full: Full | null = null;

  constructor(database: Database, folder: string, bytesMax: number) {
    this.bytesMax = bytesMax;
    this.#folder = folder;
    // The log's share; an eighth when the whole bound is small.
    this.#walBytes = Math.min(walBytesMax, Math.floor(bytesMax / 8));
    this.#pagesMax = Math.floor((bytesMax - this.#walBytes) / pageBytes);
    this.#pageCount = database.prepare('PRAGMA page_count');
    this.#freePages = database.prepare('PRAGMA freelist_count');
  }

  /** Frames after which the log is written back, so that it stays within its share. */
  get walPagesMax(): number {
    return Math.max(64, Math.floor(this.#walBytes / pageBytes / 2));
  }

  get bytesUsed(): number {
    return (this.#pagesUsed() + this.logPages) * pageBytes;
  }

  /** Pages that must come free before so many bytes more are within the bound; 0 when there is room. */
  pagesMissing(bytes: number): number {
    return Math.max(0, this.#pagesUsed() + Math.ceil(bytes / pageBytes) - this.#pagesMax);
  }

  /** Mapping and settling go on above the bound, so that what waits can leave; mapping within this much. */
  headroomBytes(): number {
    return Math.max(4 * 1024 * 1024, Math.floor(this.bytesMax / 8));
  }

  /** True when the disk can take so many bytes more. */
  diskTakes(bytes: number, monotonic: number, told: DiskSpace | undefined): boolean {
    const disk = told ?? this.#ask(monotonic);
    const least = Math.min(diskFreeBytesMin, disk.totalBytes * diskFreePart);
    // Written twice: to the log, and from there to the file.
    const left = disk.freeBytes - this.#writtenSince - 2 * bytes;
    if (left >= least) {
      this.#writtenSince += 2 * bytes;
      return true;
    }
    // Only our own count says so: ask before refusing.
    if (told || this.#askedAt === monotonic || this.#writtenSince === 0) return false;
    this.#askedAt = Number.NEGATIVE_INFINITY;
    return this.diskTakes(bytes, monotonic, told);
  }

  #ask(monotonic: number): DiskSpace {
    if (!this.#disk || monotonic - this.#askedAt >= diskAskedEveryMs) {
      this.#disk = spaceOf(this.#folder);
      this.#askedAt = monotonic;
      this.#writtenSince = 0;
    }
    return this.#disk;
  }

  #pagesUsed(): number {
    return (this.#pageCount.get<[number]>()?.[0] ?? 0) - (this.#freePages.get<[number]>()?.[0] ?? 0);
  }
}

/** A folder that is not there any more has no room, and never will. */
function spaceOf(folder: string): DiskSpace {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    throw new FatalStoreError(`the data folder is gone: ${(error as Error).message}`);
  }
}
