/** A Redis for the bench: of its own, set as the relay demands, in a folder on the disk that is measured; and what it says of itself. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { openRedisBuffer, type RedisBuffer } from '../../src/buffer/redis/keeper.ts';
import { systemClock } from '../../src/clock.ts';
import { microsOf } from './proc.ts';
import { freePort, type Programs, type Running } from './programs.ts';

/** start-checks.ts; no snapshots beside the log, as in compose.yaml. */
const demanded = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--save', ''];
const ASK_MAX_MS = 10_000;
const REWRITE_MAX_MS = 60_000;

export type BenchRedis = Running & {
  readonly url: string;
  readonly ask: (...words: readonly string[]) => Promise<string>;
};

/** `settings`: further ones, as redis-server takes them. */
export async function startRedis(
  programs: Programs,
  folder: string,
  settings: readonly string[] = [],
): Promise<BenchRedis> {
  const port = String(await freePort());
  const place = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--loglevel', 'warning'];
  const running = programs.launch('redis-server', [...place, ...demanded, ...settings]);
  const ask = async (...words: readonly string[]) => {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', port, ...words], { timeout: ASK_MAX_MS });
    return stdout.trim();
  };
  const answers = async () => (await ask('PING').catch(() => '')) === 'PONG';
  await programs.until(answers, 'redis-server to answer', ASK_MAX_MS);
  return { ...running, ask, url: `redis://127.0.0.1:${port}` };
}

/** The keeper as a relay opens it, but that nothing is refused for being late: what is asked here is how long it takes. */
export function openBenchRedis(url: string): Promise<RedisBuffer> {
  return openRedisBuffer({
    ...{ url, shards: 1, durability: 'strict', bytesMax: 16 * 1024 ** 3, keepDeliveriesMs: 72 * 3_600_000 },
    ...{ clock: systemClock, acceptMs: ASK_MAX_MS },
  });
}

/** `counted`: what the keeper reckons that it keeps, which is what RELAY_BUFFER_MAX_BYTES bounds. */
export type RedisWeight = {
  readonly memory: number;
  readonly log: number;
  readonly counted: number;
  readonly micros: number;
};

export async function weightOf(redis: BenchRedis): Promise<RedisWeight> {
  const told = `${await redis.ask('INFO', 'memory')}\n${await redis.ask('INFO', 'persistence')}`;
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(told)?.[1] ?? Number.NaN);
  return {
    memory: field('used_memory'),
    log: field('aof_current_size'),
    counted: Number(await redis.ask('HGET', '{relay:0}:meta', 'bytes')),
    micros: microsOf(String(redis.pid)),
  };
}

/** Its log after it was written anew, in bytes: what a restart reads. */
export async function rewrittenLog(programs: Programs, redis: BenchRedis): Promise<number> {
  await redis.ask('BGREWRITEAOF');
  const done = async () => {
    const told = await redis.ask('INFO', 'persistence');
    return /^aof_rewrite_in_progress:0/m.test(told) && /^aof_rewrite_scheduled:0/m.test(told);
  };
  await programs.until(done, 'the log to be written anew', REWRITE_MAX_MS, 50);
  return (await weightOf(redis)).log;
}
