import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLoopback, readSettings } from '../../src/config/settings.ts';
import { type SettingName, settingNames, settingRow } from '../../src/config/settings-table.ts';
import { UsageError } from '../../src/errors.ts';

const CANARY = 'canary-5f2b9d';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readSettings(env);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).exitCode).toBe(2);
    return (error as UsageError).problems;
  }
  return [];
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** For each setting: values that are taken, and values that are refused. */
const samples: Record<SettingName, { good: string[]; bad: string[]; beside?: Record<string, string> }> = {
  MIXPANEL_TOKEN: { good: ['0123456789abcdef'], bad: ['two words', 'ünicode', 'x'.repeat(1001)] },
  MIXPANEL_REGION: { good: ['us', 'eu', 'in'], bad: ['US', 'asia'] },
  MIXPANEL_API_URL: {
    good: ['http://127.0.0.1:9000', 'https://proxy.example.com/mixpanel/'],
    bad: ['ftp://x', 'x', 'http:x', 'https://u:p@x.example', 'https://x.example?a=1', 'https://x.example#a'],
  },
  MIXPANEL_TRACK_FORMAT: { good: ['json', 'form'], bad: ['xml'] },
  MIXPANEL_IMPORT: { good: ['auto', 'always', 'never'], bad: ['sometimes', 'yes'] },
  RELAY_HOST: {
    good: ['0.0.0.0', '::', '[::1]', 'relay.internal', 'localhost'],
    bad: ['1.2.3', 'a b', '0.0.0.0:80', '-x', 'http://x', '[x]'],
  },
  RELAY_PORT: { good: ['0', '80', '65535'], bad: ['65536', '-1', '80.5', 'http', '0x50', '1e3', ' 80'] },
  RELAY_ADMIN_HOST: { good: ['127.0.0.1', '::1', 'localhost', '127.1.2.3'], bad: ['?', '10.0.0.1', '0.0.0.0'] },
  RELAY_ADMIN_PORT: { good: ['0', '9090'], bad: ['65536', ''.padEnd(3, 'x')] },
  RELAY_ADMIN_TOKEN: { good: ['secret', 'a.b-c_d~+/='], bad: ['with blank', 'tab\there'] },
  RELAY_ADMIN_READ_TOKEN: { good: ['reader'], bad: ['with blank'], beside: { RELAY_ADMIN_TOKEN: 'secret' } },
  RELAY_PUBLIC_URL: {
    good: ['https://hooks.example.com', 'http://h.example:8080/base/'],
    bad: ['hooks.example.com', 'javascript:alert(1)', 'https://h.example/?q'],
  },
  RELAY_MAPPINGS_DIR: { good: ['./mappings', '/etc/relay'], bad: ['a\0b'] },
  RELAY_DATA_DIR: { good: ['./data'], bad: ['x'.repeat(5000)] },
  REDIS_URL: {
    good: ['redis://r:6379/2', 'rediss://user:word@r.example', 'redis://:word@[::1]:7000'],
    bad: ['r:6379', 'http://r', 'redis://', 'redis://r/database', 'redis://:50%secret@r'],
  },
  RELAY_REDIS_SHARDS: { good: ['1', '64'], bad: ['0', '65', 'many'], beside: { REDIS_URL: 'redis://r' } },
  RELAY_REDIS_DURABILITY: { good: ['strict', 'accept-loss'], bad: ['loose'], beside: { REDIS_URL: 'redis://r' } },
  RELAY_PSEUDONYM_KEY: {
    good: ['0123456789abcdef', 'x'.repeat(1000)],
    bad: ['fifteen-letters', 'sixteen letters!', 'x'.repeat(1001)],
  },
  RELAY_TRUST_PROXY: {
    good: ['0', '2', '10.0.0.0/8', '10.0.0.0/8, 192.168.1.7', 'fd00::/8,::1'],
    bad: [
      'true',
      'TRUE',
      'yes',
      '33',
      '10.0.0.0/33',
      '10.0.0.0/8/8',
      '0.0.0.0/0',
      '::/0',
      '10.0.0.0/',
      'a,b',
      'fe80::1%eth0',
    ],
  },
  RELAY_MAX_BODY_BYTES: { good: ['1', '1048576'], bad: ['0', '1MB', '-5', '99999999999'] },
  RELAY_REFUSED_PER_ADDRESS: {
    good: ['600/min', '0.5/s', '10/h'],
    bad: ['600', '0/min', '-1/s', '5/day', '1e3/s', '/s'],
  },
  RELAY_BUFFER_MAX_BYTES: { good: ['65536'], bad: ['0', '1GB', '99999999999999999'] },
  RELAY_KEEP_DELIVERIES: { good: ['1s', '72h'], bad: ['0s', '3d', '72', '99999h'] },
  RELAY_GIVE_UP_AFTER: { good: ['1s', '1.5h'], bad: ['0ms', 'never'] },
  RELAY_BATCH_MAX_EVENTS: { good: ['1', '2000'], bad: ['0', '2001'] },
  RELAY_BATCH_MAX_BYTES: { good: ['1900000'], bad: ['0', '2000001'] },
  RELAY_BATCH_LINGER: { good: ['0ms', '250ms'], bad: ['250', '2h'] },
  RELAY_SEND_CONCURRENCY: { good: ['1', '10'], bad: ['0', 'many'] },
  RELAY_RETRY_BASE: { good: ['1ms', '2s'], bad: ['0s', '2'] },
  RELAY_RETRY_MAX: { good: ['60s'], bad: ['0s', '1s', '25h'] },
  RELAY_RETRY_JITTER: { good: ['1s-5s', '0ms-0ms'], bad: ['5s-1s', '1s', '1s-', '1-5s', '1s-5s-9s', '1s-999h'] },
  RELAY_SEND_TIMEOUT: { good: ['100ms', '30s'], bad: ['0s', '2h'] },
  RELAY_LOG_LEVEL: { good: ['debug', 'silent'], bad: ['loud', 'INFO'] },
};

describe('each setting', () => {
  it.each(settingNames)('%s takes its good values', (name) => {
    const { good, beside } = samples[name];
    for (const value of good) expect(problemsOf({ ...beside, [name]: value }), value).toEqual([]);
  });

  it.each(settingNames)('%s refuses its bad values by name', (name) => {
    for (const value of samples[name].bad) {
      const problems = problemsOf({ [name]: value });
      expect(problems, value).toHaveLength(1);
      expect(problems[0]).toContain(name);
    }
  });

  it.each(settingNames)('%s set to nothing is the same as not set', (name) => {
    expect(readSettings({ [name]: '' })).toEqual(readSettings({}));
  });

  it.each(settingNames)('%s has a default that its own parser takes', (name) => {
    const { default: value, kind } = settingRow(name);
    if (value !== undefined) expect(kind.parse(value).ok).toBe(true);
  });
});

describe('what values become', () => {
  it('gives the documented defaults when nothing is set', () => {
    expect(readSettings({})).toMatchObject({
      mixpanel: { token: null, region: 'us', apiUrl: 'https://api.mixpanel.com', trackFormat: 'json' },
      public: { host: '0.0.0.0', port: 8080 },
      admin: { host: '127.0.0.1', port: 8081, token: null },
      publicUrl: null,
      trustProxy: 0,
      bodyBytesMax: 1048576,
      refusedPerAddress: { count: 600, windowMs: 60_000 },
      keepDeliveriesMs: 259_200_000,
      batch: { eventsMax: 2000, bytesMax: 1_900_000, lingerMs: 250 },
      retry: { baseMs: 2000, maxMs: 60_000, jitterMs: [1000, 5000] },
    });
  });

  it('takes the API address from the region', () => {
    expect(readSettings({ MIXPANEL_REGION: 'eu' }).mixpanel.apiUrl).toBe('https://api-eu.mixpanel.com');
  });

  it('prefers a given API address to the region, without the slash at its end', () => {
    const settings = readSettings({ MIXPANEL_REGION: 'eu', MIXPANEL_API_URL: 'http://localhost:1/x/' });
    expect(settings.mixpanel.apiUrl).toBe('http://localhost:1/x');
  });

  it('makes networks a list and hops a number', () => {
    expect(readSettings({ RELAY_TRUST_PROXY: '2' }).trustProxy).toBe(2);
    expect(readSettings({ RELAY_TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy).toEqual(['10.0.0.0/8', '::1']);
  });

  it('takes the brackets off an IPv6 address', () => {
    expect(readSettings({ RELAY_HOST: '[::1]' }).public.host).toBe('::1');
  });
});

describe('mistakes', () => {
  it('are all told at once', () => {
    const problems = problemsOf({
      RELAY_PROT: '1',
      RELAY_PORT: 'x',
      RELAY_ADMIN_HOST: '0.0.0.0',
      RELAY_TRUST_PROXY: 'true',
      MIXPANEL_API_URL: 'ftp://x',
      RELAY_REDIS_SHARDS: '4',
    });
    expect(problems).toHaveLength(6);
  });

  it('name the nearest setting for an unknown one', () => {
    expect(problemsOf({ RELAY_PROT: '1' })[0]).toContain('did you mean RELAY_PORT?');
  });

  it('suggest nothing for a name that is near none', () => {
    expect(problemsOf({ RELAY_ZZZZZZZZZZ: '1' })[0]).not.toContain('did you mean');
  });

  it('do not include names of others', () => {
    expect(problemsOf({ PATH: '/bin', MIXPANEL_SECRET_OF_ANOTHER_TOOL: 'x', STRIPE_KEY_FILE: '/x' })).toEqual([]);
  });

  it('say that shards or durability without REDIS_URL would have no effect', () => {
    expect(problemsOf({ RELAY_REDIS_SHARDS: '4' })[0]).toContain('without REDIS_URL');
    expect(problemsOf({ RELAY_REDIS_DURABILITY: 'accept-loss' })[0]).toContain('without REDIS_URL');
    expect(problemsOf({ REDIS_URL: 'redis://r', RELAY_REDIS_SHARDS: '4' })).toEqual([]);
  });

  it('say what Kubernetes did when a Service is named relay', () => {
    expect(problemsOf({ RELAY_PORT: 'tcp://10.0.0.1:8080' })[0]).toContain('enableServiceLinks');
    expect(problemsOf({ RELAY_PORT_8080_TCP: 'tcp://10.0.0.1:8080' })[0]).toContain('enableServiceLinks');
  });

  it('show a long or odd value short and on one line', () => {
    const [problem = ''] = problemsOf({ RELAY_LOG_LEVEL: `a\n\u001b[31m${'x'.repeat(500)}` });
    expect(problem.length).toBeLessThan(300);
    expect(problem).not.toMatch(/\p{Cc}/u);
  });

  it('never repeat a secret, nor credentials in an address', () => {
    const problems = problemsOf({
      MIXPANEL_TOKEN: `${CANARY} x`,
      RELAY_ADMIN_TOKEN: `${CANARY} y`,
      MIXPANEL_API_URL: `https://me:${CANARY}@x.example`,
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain(CANARY);
  });
});

describe('combinations', () => {
  it('refuse a private listener that others reach without a token', () => {
    expect(problemsOf({ RELAY_ADMIN_HOST: '0.0.0.0' })[0]).toContain('RELAY_ADMIN_TOKEN');
  });

  it('take it with a token', () => {
    expect(problemsOf({ RELAY_ADMIN_HOST: '0.0.0.0', RELAY_ADMIN_TOKEN: 'x' })).toEqual([]);
  });

  it('refuse a token that may only read where there is none that may more, or the same', () => {
    expect(problemsOf({ RELAY_ADMIN_READ_TOKEN: 'r' })).toEqual([expect.stringContaining('without RELAY_ADMIN_TOKEN')]);
    const same = { RELAY_ADMIN_TOKEN: CANARY, RELAY_ADMIN_READ_TOKEN: CANARY };
    expect(problemsOf(same)).toEqual([expect.stringContaining('the same as RELAY_ADMIN_TOKEN')]);
    expect(problemsOf(same).join()).not.toContain(CANARY);
    expect(problemsOf({ RELAY_ADMIN_TOKEN: 'a', RELAY_ADMIN_READ_TOKEN: 'b' })).toEqual([]);
  });

  it('refuse both listeners on one port', () => {
    expect(problemsOf({ RELAY_PORT: '9000', RELAY_ADMIN_PORT: '9000' })).toHaveLength(1);
  });

  it('take one port on two addresses, and a free port for both', () => {
    expect(problemsOf({ RELAY_HOST: '10.0.0.1', RELAY_PORT: '9000', RELAY_ADMIN_PORT: '9000' })).toEqual([]);
    expect(problemsOf({ RELAY_PORT: '0', RELAY_ADMIN_PORT: '0' })).toEqual([]);
  });

  it('refuse a first wait that is longer than the longest', () => {
    expect(problemsOf({ RELAY_RETRY_BASE: '2m' })[0]).toContain('RELAY_RETRY_MAX');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['localhost.example.com', false],
  ])('know whether only this machine reaches %s', (host, only) => {
    expect(isLoopback(host)).toBe(only);
  });
});

describe('secrets from files', () => {
  it('are read without the newline at the end', () => {
    const path = file('token', 'abc123\r\n');
    expect(readSettings({ RELAY_ADMIN_TOKEN_FILE: path }).admin.token).toBe('abc123');
  });

  it('are refused together with the plain variable', () => {
    const path = file('both', 'abc');
    expect(problemsOf({ MIXPANEL_TOKEN: 'x', MIXPANEL_TOKEN_FILE: path })[0]).toContain('both set');
  });

  it('say clearly that a file does not exist, is empty or is no file', () => {
    expect(problemsOf({ MIXPANEL_TOKEN_FILE: join(folder, 'none') })[0]).toContain('does not exist');
    expect(problemsOf({ MIXPANEL_TOKEN_FILE: file('empty', '\n') })[0]).toContain('is empty');
    expect(problemsOf({ MIXPANEL_TOKEN_FILE: folder })[0]).toContain('not a regular file');
  });

  it('are not repeated when the content is bad', () => {
    const problems = problemsOf({ MIXPANEL_TOKEN_FILE: file('bad', `${CANARY} two words`) });
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain(CANARY);
  });

  it('are only for secrets', () => {
    expect(problemsOf({ RELAY_PORT_FILE: '/x' })[0]).toContain('RELAY_PORT is no secret');
  });
});
