/** The house rules of ARCHITECTURE.md, kept by a machine so that nobody has to. */
import { describe, expect, it } from 'vitest';
import { filesBelow, type SourceFile } from './source-tree.ts';

const files = filesBelow('src');
const tests = filesBelow('test');

/** Level of each room, the walls of ARCHITECTURE.md: a file imports only from lower levels, or its own room. */
const levels: Record<string, number> = {
  cli: 4,
  intake: 2,
  mapping: 2,
  forward: 2,
  admin: 2,
  replay: 2,
  verify: 1,
  body: 1,
  buffer: 1,
  destinations: 1,
  observe: 1,
  config: 1,
  wiring: 2.5,
};
const topLevels: Record<string, number> = {
  'src/main.ts': 5,
  'src/relay.ts': 3,
  'src/model.ts': 0,
  'src/errors.ts': 0,
  'src/clock.ts': 0,
  'src/version.ts': 0,
};
const levelOf = (path: string, room: string) => (room === '.' ? topLevels[path] : levels[room]) ?? Number.NaN;
const roomOf = (path: string) => (path.split('/').length > 2 ? (path.split('/')[1] as string) : '.');

/** The walls that are lower than they look: a room may use another one's promise (types), never its works. */
const promises = new Set(['src/buffer/contract.ts', 'src/verify/contract.ts', 'src/destinations/contract.ts']);

function wallsBroken(file: SourceFile): string[] {
  return file.imports
    .filter((target) => target.startsWith('src/') && roomOf(target) !== file.room && !promises.has(target))
    .filter((target) => !(levelOf(target, roomOf(target)) < levelOf(file.path, file.room)))
    .map((target) => `${file.path} imports ${target}`);
}

/** Each door to the outside has one keeper. */
const keepers: Record<string, readonly string[]> = {
  express: ['intake', 'admin'],
  'express-rate-limit': ['intake'],
  jsonata: ['mapping'],
  undici: ['destinations', 'cli', 'verify'],
  'node:sqlite': ['buffer'],
  redis: ['buffer'],
  'rate-limit-redis': ['intake'],
  'node:child_process': ['mapping'],
  pino: ['observe'],
  'prom-client': ['observe'],
  yaml: ['config'],
  commander: ['cli'],
  zod: ['config', 'admin'],
};

describe('the house', () => {
  it('knows the level of every file in src', () => {
    expect(files.filter((file) => Number.isNaN(levelOf(file.path, file.room))).map((file) => file.path)).toEqual([]);
  });

  it('imports downward only', () => {
    expect(files.flatMap(wallsBroken)).toEqual([]);
  });

  it('notices an import that goes up', () => {
    const file: SourceFile = {
      path: 'src/body/x.ts',
      room: 'body',
      text: '',
      lines: 1,
      imports: ['src/intake/limits.ts'],
    };
    expect(wallsBroken(file)).toEqual(['src/body/x.ts imports src/intake/limits.ts']);
  });

  it('reaches each library through its keeper only', () => {
    const strangers = files.flatMap((file) =>
      file.imports
        .filter((target) => keepers[target] && !keepers[target].includes(file.room))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(strangers).toEqual([]);
  });

  it('reads the environment in config/ only', () => {
    expect(files.filter((f) => f.text.includes('process.env') && f.room !== 'config').map((f) => f.path)).toEqual([]);
  });

  it('knows time and chance in clock.ts only', () => {
    const telling = /\bDate\.now\(|new Date\(\)|Math\.random\(|performance\.now\(/;
    const knowing = files.filter((f) => telling.test(f.text) && f.path !== 'src/clock.ts').map((f) => f.path);
    expect(knowing).toEqual([]);
  });

  it('speaks through cli/ only', () => {
    expect(files.filter((f) => f.text.includes('console.') && f.room !== 'cli').map((f) => f.path)).toEqual([]);
  });

  it('has no file above 400 lines', () => {
    expect([...files, ...tests].filter((f) => f.lines > 400).map((f) => `${f.path} (${f.lines})`)).toEqual([]);
  });

  it('has a median file of at most 120 lines', () => {
    const sorted = files.map((f) => f.lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(120);
  });

  it('has no room or file without a subject', () => {
    const nameless = /(^|\/)(utils?|helpers?|misc|common|services?|managers?)(\/|\.tsx?$)/;
    expect([...files, ...tests].filter((f) => nameless.test(f.path)).map((f) => f.path)).toEqual([]);
  });

  it('leaves nothing switched off or to do', () => {
    const open = /\b(TODO|FIXME|XXX)\b|\.(skip|only|todo)\(/;
    const here = 'test/house/rules.test.ts';
    expect([...files, ...tests].filter((f) => open.test(f.text) && f.path !== here).map((f) => f.path)).toEqual([]);
  });

  it('never waits by a timer in src outside clock.ts and the two timers of sockets', () => {
    const timing = files.filter((f) => /\bsetTimeout\(|\bsetInterval\(/.test(f.text)).map((f) => f.path);
    expect(timing.filter((path) => !['src/clock.ts', 'src/intake/server.ts'].includes(path))).toEqual([]);
  });
});
