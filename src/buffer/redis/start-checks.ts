/**
 * Whether this Redis keeps what it is given. One that drops keys when it is full, or answers before the disk has it, would make
 * "accepted" a lie: the relay does not start on it, unless its operator says that losing is accepted. One that takes its place while the relay runs
 * (a failover) is looked at, too: then health warns, for refusing every webhook would lose more.
 */
import { UsageError } from '../../errors.ts';
import type { Connection, Reply } from './connection.ts';
import { StoreUnavailableError } from './trouble.ts';

export type RedisDurability = 'strict' | 'accept-loss';

/** Scripts say for themselves whether they may run without memory since this one. */
const versionMin = 7;
const deadlineMs = 2_000;
const settings = ['maxmemory-policy', 'appendonly', 'appendfsync'] as const;
const wayOut = 'or start with RELAY_REDIS_DURABILITY=accept-loss, which health then warns of for ever';

/** Answers what health warns of. Throws a UsageError (exit code 1) when it is not to be started on. */
export async function checkRedis(connection: Connection, durability: RedisDurability): Promise<readonly string[]> {
  const version = /redis_version:(\d+)\.(\S+)/.exec(String(await connection.call(['INFO', 'server'], { deadlineMs })));
  if (version && Number(version[1]) < versionMin)
    throw new UsageError(
      [`Redis ${version[1]}.${version[2]} is too old: the relay needs ${versionMin}.0 or newer.`],
      1,
    );
  const problems = await problemsOf(connection);
  if (problems.length === 0) return [];
  if (durability === 'accept-loss') return problems;
  throw new UsageError(
    problems.map((problem) => `${problem} Set it right, ${wayOut}.`),
    1,
  );
}

/** What it may lose, in words, and what to set right. */
export async function problemsOf(connection: Connection): Promise<string[]> {
  let found: Map<string, string>;
  try {
    found = await settingsOf(connection);
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    return [
      'Redis does not let the relay read its settings (CONFIG is forbidden), so that nobody knows whether it keeps what is accepted: it needs maxmemory-policy noeviction, appendonly yes, appendfsync always.',
    ];
  }
  const policy = found.get('maxmemory-policy') ?? '';
  const fsync = found.get('appendfsync') ?? '';
  const problems: string[] = [];
  if (policy !== 'noeviction')
    problems.push(`Redis drops what is accepted when it is full: maxmemory-policy is ${policy}, not noeviction.`);
  if (found.get('appendonly') !== 'yes')
    problems.push('Redis forgets what is accepted when it stops: appendonly is no, not yes.');
  else if (fsync !== 'always')
    problems.push(`Redis answers before the disk has what is accepted: appendfsync is ${fsync}, not always.`);
  return problems;
}

/** One by one: CONFIG GET takes several names only since 7.0, and some proxies never do. */
async function settingsOf(connection: Connection): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of settings) {
    const reply: Reply = await connection.call(['CONFIG', 'GET', name], { deadlineMs });
    // A map of the newer protocol, or a list of the older one.
    const value = Array.isArray(reply) ? reply[1] : (reply as unknown as Record<string, string>)?.[name];
    found.set(name, String(value ?? ''));
  }
  return found;
}
