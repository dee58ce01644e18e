/**
 * How much room there is: the bound of the buffer (whole pages in use, indices included, and the log's share) and
 * the free space of the disk. Free pages inside the file count as room; the file itself never grows past its bound.
 */
import { statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, FatalStoreError, type Statement } from './database.ts';
import type { DiskSpace } from './messages.ts';
import { pageBytes, walBytesMax } from './store-file.ts';

/** Contract §2: refuse with less than 64 MiB or 5 % free, whichever is smaller. */
const diskFreeBytesMin = 64 * 1024 * 1024;
const diskFreePart = 0.05;
/** Asking the disk costs some µs and its answer hardly changes; what we write ourselves meanwhile is counted. */
const diskAskedEveryMs = 500;
/** Written to the log and from there to the file, with the pages of indices around it; measured with bodies of 0 to 20 KB. */
const writtenTimes = 3;
const batchBytes = 32 * 1024;
/** A large transaction: 500 rows of settling touch about as many pages. */
const transactionBytes = 1024 * 1024;
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
  /** Why a delivery would be refused, as it was seen last; null: it would be taken. */
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

  /** Frames after which the log is written back, so that it stays within its share, and a small one of a small disk. */
  get walPagesMax(): number {
    return Math.max(64, Math.floor(this.#logShare(this.#disk?.totalBytes ?? Number.POSITIVE_INFINITY) / pageBytes));
  }

  #logShare(diskBytes: number): number {
    return Math.min(this.#walBytes / 2, diskBytes / 16);
  }

  /** Free bytes that settling needs to make room: the log at its longest, and the transaction that makes it longer. */
  #settlingBytes(diskBytes: number): number {
    return this.#logShare(diskBytes) + transactionBytes;
  }

  /** Contract §2, and on a disk so small that this would be less: half as much again as settling needs. */
  #leastBytes(diskBytes: number): number {
    return Math.max(Math.min(diskFreeBytesMin, diskBytes * diskFreePart), 1.5 * this.#settlingBytes(diskBytes));
  }

  /** Pages of the file that hold nothing. */
  get pagesFree(): number {
    return this.#freePages.get<[number]>()?.[0] ?? 0;
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
    const least = this.#leastBytes(disk.totalBytes);
    const written = batchBytes + writtenTimes * bytes;
    const left = disk.freeBytes - this.#writtenSince - written;
    if (left >= least) {
      this.#writtenSince += written;
      return true;
    }
    // Only our own count says so: ask before refusing.
    if (told || this.#askedAt === monotonic || this.#writtenSince === 0) return false;
    this.forgetDisk();
    return this.diskTakes(bytes, monotonic, told);
  }

  /** The same for those who only want to know. */
  diskWouldTake(bytes: number, monotonic: number, told: DiskSpace | undefined): boolean {
    const before = this.#writtenSince;
    const takes = this.diskTakes(bytes, monotonic, told);
    if (takes) this.#writtenSince = Math.min(before, this.#writtenSince);
    return takes;
  }

  /** After a refusal: some more room than the next webhook needs, or the answer would change with every look. */
  diskRecovered(monotonic: number, told: DiskSpace | undefined): boolean {
    const { totalBytes } = told ?? this.#ask(monotonic);
    return this.diskWouldTake(Math.min(diskFreeBytesMin, totalBytes / 8) / writtenTimes, monotonic, told);
  }

  /** Mapping goes on below the point where accepting stops, but not to the end: settling needs some room to make room. */
  diskLeavesReserve(bytes: number, monotonic: number, told: DiskSpace | undefined): boolean {
    const { freeBytes, totalBytes } = told ?? this.#ask(monotonic);
    const written = batchBytes + writtenTimes * bytes;
    if (freeBytes - this.#writtenSince - written < this.#settlingBytes(totalBytes)) return false;
    this.#writtenSince += written;
    return true;
  }

  /** What is known of the disk is not true any more. */
  forgetDisk(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  #ask(monotonic: number): DiskSpace {
    if (!this.#disk || monotonic - this.#askedAt >= diskAskedEveryMs) {
      const { freeBytes, totalBytes } = spaceOf(this.#folder);
      this.#disk = { freeBytes: freeBytes - this.#owedBytes(), totalBytes };
      this.#askedAt = monotonic;
      this.#writtenSince = 0;
    }
    return this.#disk;
  }

  /**
   * By how much the file still has to grow for what is in the log. Not room: a log that cannot be written back for want of it
   * can never be emptied again, and the store would be stuck on its own full disk.
   */
  #owedBytes(): number {
    const size = statSync(join(this.#folder, 'buffer.db'), { throwIfNoEntry: false })?.size ?? 0;
    return Math.max(0, (this.#pageCount.get<[number]>()?.[0] ?? 0) * pageBytes - size);
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
