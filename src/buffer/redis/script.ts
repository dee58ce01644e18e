/**
 * Lua scripts: each a file in lua/, behind the shared pieces it names and in front of the one head that all have. A script is one
 * transaction; whatever moves between keys is one.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Argument, CallOptions, Connection, Reply } from './connection.ts';
import { replyWord } from './trouble.ts';

export type Script = {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
  /** Its answer begins with the ready counts of the lanes it touched. */
  readonly countsReady: boolean;
};

/** Makes room, or needs next to none: runs also when Redis is at its maxmemory. Others are refused then before they change anything. */
type Flags = { readonly allowOom?: boolean };

const folder = join(import.meta.dirname, 'lua');

/** Read once, when the module is loaded: a missing piece is found at the start. */
export function script(name: string, pieces: readonly string[], { allowOom = false }: Flags = {}): Script {
  const parts = ['head', ...pieces, name].map((part) => readFileSync(join(folder, `${part}.lua`), 'utf8'));
  const text = [`#!lua${allowOom ? ' flags=allow-oom' : ''}`, ...parts].join('\n');
  return { name, text, sha: hash('sha1', text, 'hex'), countsReady: pieces.includes('lanes') };
}

/**
 * By its hash, which Redis knows after the first time; one that does not know it (any more, or for it was a replica until now) has run nothing.
 * Both ways together keep to the deadline.
 */
export async function runScript(
  connection: Connection,
  { text, sha }: Script,
  prefix: string,
  args: readonly Argument[],
  options: CallOptions,
): Promise<Reply> {
  const { clock } = connection;
  const endsAt = clock.monotonic() + options.deadlineMs;
  try {
    return await connection.call(['EVALSHA', sha, '1', prefix, ...args], options);
  } catch (error) {
    if (replyWord(error) !== 'NOSCRIPT') throw error;
    const deadlineMs = Math.max(1, endsAt - clock.monotonic());
    return connection.call(['EVAL', text, '1', prefix, ...args], { ...options, deadlineMs });
  }
}
