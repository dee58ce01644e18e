/**
 * Where stores of tests lie that ask what a keeper means, and not what a disk keeps: in memory where the system has such a place, since
 * otherwise most of such a test's time is waiting for a disk. What is killed loses nothing there either; whatever is about the disk itself
 * (full, slow, half written) stays on one.
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A container is often given 64 MB, which is not enough. */
const ROOM_BYTES = 1024 ** 3;

/** `/dev/shm`, or the usual place for what is temporary. */
export const inMemory = isRoomy('/dev/shm') ? '/dev/shm' : tmpdir();

/** A new one; the caller removes it. */
export function memoryFolder(name: string): Promise<string> {
  return mkdtemp(join(inMemory, `trackrelay-${name}-`));
}

function isRoomy(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}
