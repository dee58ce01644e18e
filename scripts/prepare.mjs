/**
 * Brings what a command needs and a fresh clone does not have. npm runs it before `start`, `demo`, `test` and `check`:
 *
 *   node scripts/prepare.mjs          packages as package-lock.json has them, and Node 26 to run on
 *   node scripts/prepare.mjs test     the programs that tests use, too
 *
 * It runs on any Node ≥ 20 with nothing installed, so: plain JavaScript, no packages. It looks before it does anything
 * and is done in well under 300 ms when nothing is missing. Talk goes to stderr; stdout belongs to the command.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_FOR_THIS_SCRIPT = 20;
const NODE_MAJOR_TO_RUN_ON = 26;
/** npm on a slow line; a second run waits as long for the first one. */
const INSTALL_TIMEOUT_MS = 15 * 60_000;
const LOCK_POLL_MS = 200;

/**
 * Programs of the operating system, by the command that needs them. `required: false`: tests that need it say that they
 * are skipped. One row each; the name is looked up on PATH, the package is Debian's.
 */
const programs = [
  {
    name: 'strace',
    debian: 'strace',
    for: 'test',
    required: true,
    why: 'fails and watches system calls, to show that the store syncs before it answers',
  },
  {
    name: 'redis-server',
    debian: 'redis-server',
    for: 'test',
    required: true,
    why: 'is the store that many relays share; tests start and stop servers of their own',
  },
  {
    name: 'nginx',
    debian: 'nginx',
    for: 'test',
    required: true,
    why: 'runs deploy/nginx/nginx.conf, to show what becomes of webhooks when a relay behind it dies',
  },
];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const inRoot = (...path) => join(root, ...path);
const say = (text) => process.stderr.write(`${text}\n`);

/** The mistake is the reader's to mend: said in words, without a stack. */
class Unprepared extends Error {}

try {
  await prepare(process.argv[2] ?? 'start');
} catch (error) {
  if (!(error instanceof Unprepared)) throw error;
  say(error.message);
  process.exitCode = 1;
}

async function prepare(purpose) {
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_FOR_THIS_SCRIPT) {
    throw new Unprepared(
      `This is Node ${process.versions.node}; Node ${NODE_MAJOR_FOR_THIS_SCRIPT} or newer is needed to install.`,
    );
  }
  if (whatPackagesLack() !== null) await alone(installPackages);
  for (const program of programs) {
    if (program.for === purpose && !onPath(program.name)) installProgram(program);
  }
}

// ---- packages --------------------------------------------------------------------------------------------------

/** Null when node_modules is what package-lock.json says and Node 26 answers; else the reason, in words. */
function whatPackagesLack() {
  const wanted = readJson(inRoot('package-lock.json'))?.packages;
  if (wanted === undefined) throw new Unprepared('package-lock.json is missing or cannot be read.');
  // npm writes down what it installed; a package that somebody removed by hand is missing on disk.
  const installed = readJson(inRoot('node_modules/.package-lock.json'))?.packages;
  if (installed === undefined) return 'packages are not installed';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || !isForThisMachine(entry)) continue;
    if (installed[path]?.version !== entry.version) return `${path} is not the version in package-lock.json`;
    if (!existsSync(inRoot(path, 'package.json'))) return `${path} is missing`;
  }
  return nodeAnswers() ? null : `Node ${NODE_MAJOR_TO_RUN_ON} is missing`;
}

/** Optional packages are builds for one system each; of those bound to a C library either may be right. */
function isForThisMachine({ optional, os, cpu, libc }) {
  if (!optional) return true;
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true && libc === undefined;
}

function nodeAnswers() {
  const { status, stdout } = spawnSync(inRoot('node_modules/.bin/node'), ['--version'], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return status === 0 && stdout.startsWith(`v${NODE_MAJOR_TO_RUN_ON}.`);
}

function installPackages() {
  const reason = whatPackagesLack();
  if (reason === null) return; // another run did it while this one waited
  const started = performance.now();
  say(`Installing packages (${reason}) …`);
  // Development packages hold Node 26 itself: they are wanted whatever NODE_ENV or npm's settings say.
  npm('ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error');
  // The package `node` fetches its binary in an install script; npm may have been told not to run those.
  if (!nodeAnswers()) run(process.execPath, ['installArchSpecificPackage.js'], { cwd: inRoot('node_modules/node') });
  const left = whatPackagesLack();
  if (left !== null) throw new Unprepared(`npm ci ended well, but ${left}. Remove node_modules and try again.`);
  say(`Packages are installed (${((performance.now() - started) / 1000).toFixed(0)} s).`);
}

/** The npm that runs us, on the Node that it runs on: ours in node_modules is about to be replaced. */
function npm(...words) {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  const [program, ...first] = cli && node && basename(cli) === 'npm-cli.js' ? [node, cli] : ['npm'];
  run(program, [...first, ...words], { cwd: root });
}

function run(program, words, options) {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  const env = { ...process.env, PATH: path.join(delimiter) };
  const result = spawnSync(program, words, {
    ...options,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status === 0) return;
  say(`${result.stdout ?? ''}${result.stderr ?? ''}`.trim());
  const how = result.error
    ? result.error.message
    : result.signal
      ? `was ended by ${result.signal}`
      : `failed (${result.status})`;
  throw new Unprepared(`${[basename(program), ...words].join(' ')}: ${how}`);
}

// ---- programs --------------------------------------------------------------------------------------------------

function onPath(name) {
  // Servers may lie where only root's PATH leads.
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function installProgram({ name, debian, required, why }) {
  const advice = `${name} (${why}) is not on PATH; on Debian: apt-get install ${debian}`;
  // Nobody waits for a package that is only nice to have: one line, and the tests say what they skip.
  if (!required) return say(`Without ${advice}`);
  if (process.getuid?.() !== 0 || !onPath('apt-get')) throw new Unprepared(`Needed: ${advice}`);
  say(`Installing ${debian} …`);
  const install = ['install', '-y', '--no-install-recommends', debian];
  const options = { cwd: root };
  try {
    run('apt-get', install, options);
  } catch {
    // An image without package lists, or with old ones.
    run('apt-get', ['update'], options);
    run('apt-get', install, options);
  }
}

// ---- one at a time ---------------------------------------------------------------------------------------------

/** `npm start` and `npm test` at once must not both empty node_modules, and npm ci would remove a lock that lies in there. */
async function alone(work) {
  const lock = join(
    tmpdir(),
    `trackrelay-prepare-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`,
  );
  const deadline = performance.now() + INSTALL_TIMEOUT_MS;
  let told = false;
  while (!take(lock)) {
    if (!told) say('Another run is installing packages here; waiting for it …');
    told = true;
    if (performance.now() > deadline)
      throw new Unprepared(`Another run has been installing for too long. If there is none, remove ${lock}`);
    await wait(LOCK_POLL_MS);
  }
  const release = () => rmSync(lock, { force: true });
  process.once('exit', release);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  await work();
  release();
}

function take(lock) {
  // Linked, not written, into place: a lock never stands there without its holder's number.
  const mine = `${lock}.${process.pid}`;
  try {
    writeFileSync(mine, String(process.pid));
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw new Unprepared(`Cannot write ${lock}: ${error.message}`);
  } finally {
    rmSync(mine, { force: true });
  }
  // A holder that died without removing it is no holder.
  const holder = readText(lock);
  if (holder !== null && !isAlive(Number(holder)) && readText(lock) === holder) rmSync(lock, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
