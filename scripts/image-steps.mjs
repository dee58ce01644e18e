/**
 * Builds what the Dockerfile builds, without a Docker engine: the same COPY and RUN steps, into a folder.
 *
 *   node scripts/image-steps.mjs                what the Dockerfile says, as JSON
 *   node scripts/image-steps.mjs FOLDER         the same, and the file system of each stage under FOLDER
 *
 * The Node this runs on stands in for the base image. An absolute path means one in the stage's folder, so a RUN step
 * must have its paths as words of their own (`install -d /data`). What it does not know it refuses: a step passed over
 * silently would make the tests worthless. JSON goes to stdout, the steps' own talk to stderr.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, delimiter, dirname, isAbsolute, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const context = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** Instructions that only describe the image. */
const DESCRIBES = ['LABEL', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'];
/** npm ci from an empty cache takes 15 s here. Ended at last, for a registry that takes a connection and says nothing. */
const RUN_TIMEOUT_MS = 90_000;

class Refused extends Error {}

let ignoreRules;

try {
  const stages = readStages(readFileSync(join(context, 'Dockerfile'), 'utf8'));
  const folder = process.argv[2];
  if (folder !== undefined) for (const stage of stages) carryOut(stage, stages, resolve(folder));
  const described = stages.map(({ steps, ...rest }) => ({ ...rest, steps: steps.map(({ text }) => text) }));
  process.stdout.write(`${JSON.stringify({ stages: described, image: described.at(-1) }, null, 2)}\n`);
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

// ---- reading ---------------------------------------------------------------------------------------------------

function readStages(text) {
  const stages = [];
  for (const line of logicalLines(text)) {
    const [word] = line.split(/\s/, 1);
    const instruction = { word: word.toUpperCase(), rest: line.slice(word.length).trim(), text: line };
    if (instruction.word === 'FROM') stages.push(stageOf(instruction.rest, stages.length));
    else if (stages.length === 0) throw new Refused(`before the first FROM: ${line}`);
    else addTo(stages.at(-1), instruction);
  }
  return stages;
}

function logicalLines(text) {
  const uncommented = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  return uncommented
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

function stageOf(rest, index) {
  const match = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest);
  if (match === null) throw new Refused(`FROM ${rest}: only an image and a name are known here`);
  return { name: match[2] ?? String(index), from: match[1], steps: [], env: {}, labels: {}, described: {} };
}

function addTo(stage, { word, rest, text }) {
  if (['COPY', 'RUN', 'WORKDIR'].includes(word)) stage.steps.push({ word, rest, text });
  else if (!DESCRIBES.includes(word)) throw new Refused(`${word} is not known here: ${text}`);
  else if (word === 'ENV' || word === 'LABEL')
    Object.assign(word === 'ENV' ? stage.env : stage.labels, pairs(rest, text));
  else if (word === 'HEALTHCHECK')
    stage.described[word] = {
      options: rest.slice(0, rest.indexOf('CMD')).trim(),
      command: execForm(rest.slice(rest.indexOf('CMD') + 3)),
    };
  else if (['ENTRYPOINT', 'CMD', 'VOLUME'].includes(word)) stage.described[word] = execForm(rest);
  else stage.described[word] = rest;
}

/** `["node", "x"]`; text that is not JSON would be run by a shell, and is given back as it is. */
function execForm(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim();
  }
}

function pairs(rest, text) {
  const found = [...rest.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S+))/g)];
  if (found.length === 0) throw new Refused(`no name=value in: ${text}`);
  return Object.fromEntries(found.map(([, name, quoted, plain]) => [name, quoted ?? plain]));
}

// ---- doing -----------------------------------------------------------------------------------------------------

function carryOut(stage, stages, folder) {
  stage.root = join(folder, stage.name);
  if (existsSync(stage.root)) throw new Refused(`${stage.root} is there already`);
  mkdirSync(stage.root, { recursive: true, mode: 0o755 });
  stage.workdir = '/';
  for (const step of stage.steps) {
    process.stderr.write(`${stage.name}: ${step.text}\n`);
    if (step.word === 'WORKDIR') workdir(stage, step.rest);
    else if (step.word === 'COPY') copy(stage, step, stages);
    else run(stage, step);
  }
}

function within(stage, path) {
  return join(stage.root, isAbsolute(path) ? path : posix.join(stage.workdir, path));
}

function workdir(stage, path) {
  stage.workdir = posix.resolve(stage.workdir, path);
  mkdirSync(join(stage.root, stage.workdir), { recursive: true });
}

function copy(stage, { rest, text }, stages) {
  const words = rest.split(/\s+/);
  const options = words.filter((word) => word.startsWith('--'));
  const paths = words.filter((word) => !word.startsWith('--'));
  const from = options.map((option) => /^--from=(.+)$/.exec(option)?.[1]);
  if (options.length > 1 || from.includes(undefined)) throw new Refused(`only --from is known here: ${text}`);
  const other = stages.find(({ name }) => name === from[0]);
  if (options.length === 1 && other?.root === undefined) throw new Refused(`no such stage before this one: ${text}`);
  const target = paths.pop();
  for (const path of paths) {
    const source = other ? join(other.root, path) : join(context, path);
    if (!other && isIgnored(path)) throw new Refused(`.dockerignore keeps ${path} out of the build: ${text}`);
    if (!existsSync(source)) throw new Refused(`${path} is not there: ${text}`);
    // As Docker does: the content of a folder, but a file by its name when the target is a folder.
    const asFile = statSync(source).isFile() && (target.endsWith('/') || target === '.');
    cpSync(source, asFile ? join(within(stage, target), basename(path)) : within(stage, target), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => other !== undefined || !isIgnored(file.slice(context.length + 1)),
    });
  }
}

function run(stage, { rest, text }) {
  const inStage = rest.replace(/(^|\s)\/(\S*)/g, (_, space, path) => `${space}'${join(stage.root, path)}'`);
  // Only root can give files away; everybody else gets the same files as their own.
  const command = process.getuid?.() === 0 ? inStage : inStage.replace(/\s-[og] \d+/g, '');
  // Without a shell left in between, the time-out ends the command itself.
  const result = spawnSync('/bin/sh', ['-c', /[;&|]/.test(command) ? command : `exec ${command}`], {
    cwd: join(stage.root, stage.workdir),
    // The base image's Node, and its npm; what it has downloaded before need not be downloaded again.
    env: {
      HOME: process.env.HOME,
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      ...npmSettings(),
      ...stage.env,
    },
    stdio: ['ignore', 2, 2],
    timeout: RUN_TIMEOUT_MS,
  });
  if (result.status !== 0)
    throw new Refused(`failed (${result.signal ?? result.status ?? result.error?.message}): ${text}`);
}

/** This machine's way to the registry: settings of npm, a proxy, and whom to trust there. */
function npmSettings() {
  const given = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_(registry|cache|userconfig|cafile|fetch_\w+)|node_extra_ca_certs|(https?|no)_proxy)$/i.test(name),
  );
  return { ...Object.fromEntries(given), npm_config_prefer_offline: 'true', npm_config_update_notifier: 'false' };
}

/** .dockerignore with what ours uses: `name`, `!name`, `*` within a name, and a leading `**` for any depth. The last rule that fits wins. */
function isIgnored(path) {
  ignoreRules ??= readFileSync(join(context, '.dockerignore'), 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const pattern = line
        .replace(/^!/, '')
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/^\*\*\//, '(.*/)?')
        .replace(/(?<!\.)\*/g, '[^/]*');
      return { keeps: line.startsWith('!'), fits: new RegExp(`^${pattern}(/.*)?$`) };
    });
  const last = ignoreRules.findLast(({ fits }) => fits.test(path));
  return last !== undefined && !last.keeps;
}
