/** What an error of Redis' means for who asked: try again, find another server, wait for room, give up, or mend a bug. */
import { describe, expect, it } from 'vitest';
import { connectingTrouble, isElsewhere, troubleOf } from '../../src/buffer/redis/trouble.ts';

/** As Redis 7 says them. */
const words: readonly (readonly [string, string, boolean])[] = [
  ["READONLY You can't write against a read only replica.", 'StoreUnavailableError', true],
  ['LOADING Redis is loading the dataset in memory', 'StoreUnavailableError', true],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'StoreUnavailableError', true],
  ['NOREPLICAS Not enough good replicas to write.', 'StoreUnavailableError', true],
  ['MISCONF Errors writing to the AOF file: No space left on device', 'StoreUnavailableError', true],
  ['CLUSTERDOWN The cluster is down', 'StoreUnavailableError', true],
  ['MOVED 3999 127.0.0.1:6381', 'StoreUnavailableError', true],
  ['NOAUTH Authentication required.', 'StoreUnavailableError', true],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'StoreUnavailableError', false],
  ['ASK 3999 127.0.0.1:6381', 'StoreUnavailableError', false],
  ['BUSY Redis is busy running a script.', 'StoreUnavailableError', false],
  [
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'StoreUnavailableError',
    false,
  ],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'BufferFullError', false],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'StoreBrokenError', false],
  ['ERR wrong number of arguments', 'Error', false],
];

describe('an error of Redis', () => {
  it.each(words)('%s', (message, name, elsewhere) => {
    const error = new Error(message);
    expect(troubleOf(error).name).toBe(name);
    expect(isElsewhere(error)).toBe(elsewhere);
  });
});

describe('no connection', () => {
  const coded = (code: string, message: string) => Object.assign(new Error(message), { code });

  it.each([
    [new Error('WRONGPASS invalid username-password pair or user is disabled.'), /user or the password of REDIS_URL/],
    [new Error('NOAUTH HELLO must be called with the client already authenticated'), /REDIS_URL has none/],
    [coded('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'), /NODE_EXTRA_CA_CERTS/],
    [coded('CERT_HAS_EXPIRED', 'certificate has expired'), /not right \(certificate has expired\)/],
  ])('for %s is said so that somebody can mend it', (error, words) => {
    expect(connectingTrouble(error)).toMatchObject({ name: 'NotAdmittedError', message: expect.stringMatching(words) });
  });

  it('at any address of a name is said with what was wrong at each', () => {
    const error = new AggregateError([
      new Error('connect ECONNREFUSED ::1:6379'),
      new Error('connect ECONNREFUSED 127.0.0.1:6379'),
    ]);
    expect(connectingTrouble(error).message).toBe('connect ECONNREFUSED ::1:6379, connect ECONNREFUSED 127.0.0.1:6379');
  });

  it('for a server that is not there stays what it is: it may come', () => {
    const error = coded('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:6379');
    expect(connectingTrouble(error)).toBe(error);
  });
});
