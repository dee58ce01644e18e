/** What commands read from files and stdin: bounded, and with a sentence when it cannot be read. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { UsageError } from '../errors.ts';

/** Ten times what the relay accepts by default; `try` may look at what was too large for it. */
export const INPUT_BYTES_MAX = 10 * 1024 * 1024;

/** `-` is stdin. */
export async function readInput(path: string): Promise<Buffer> {
  return path === '-' ? readStdin() : readBytes(path);
}

export async function readBytes(path: string): Promise<Buffer> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) throw new UsageError([`${path} is a folder, not a file`]);
    if (!status.isFile()) throw new UsageError([`${path} is not a regular file`]);
    if (status.size > INPUT_BYTES_MAX) throw new UsageError([`${path} is larger than 10 MiB`]);
    return await readFile(path);
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError([`${path} ${reasonOf(error)}`]);
  }
}

async function readStdin(): Promise<Buffer> {
  if (process.stdin.isTTY) throw new UsageError(['stdin is a terminal: pipe the payload in, or name a file']);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > INPUT_BYTES_MAX) throw new UsageError(['what came on stdin is larger than 10 MiB']);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export type PathKind = 'file' | 'folder' | 'nothing';

export async function kindOf(path: string): Promise<PathKind> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing';
  }
}

/** Names in a folder, sorted; a folder that is not there has none. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new UsageError([`${folder} ${reasonOf(error)}`]);
  }
}

export async function readHeadersFile(path: string): Promise<Readonly<Record<string, string>>> {
  const fields = Object.entries(await readFieldsFile(path, 'header names and texts'));
  return Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
}

export function readQueryFile(path: string): Promise<Readonly<Record<string, string>>> {
  return readFieldsFile(path, 'query names and texts');
}

async function readFieldsFile(path: string, of: string): Promise<Record<string, string>> {
  const wrong = new UsageError([`${path} must be a JSON object of ${of}`]);
  let parsed: unknown;
  try {
    parsed = JSON.parse((await readBytes(path)).toString('utf8'));
  } catch (error) {
    throw error instanceof UsageError ? error : wrong;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw wrong;
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value !== 'string' && typeof value !== 'number') throw wrong;
    fields[name] = String(value);
  }
  return fields;
}

export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'error';
  const words: Record<string, string> = {
    ENOENT: 'does not exist',
    ENOTDIR: 'does not exist',
    EACCES: 'may not be read',
    EPERM: 'may not be read',
    EISDIR: 'is a folder, not a file',
  };
  return words[code] ?? `cannot be read (${code})`;
}
