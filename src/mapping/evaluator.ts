/**
 * The evaluator: the child process in which users' mappings run. It has no environment, no files, no network (see
 * confine.ts), reads frames from stdin and answers on stdout, and ends when stdin does.
 *
 * Reading and writing are synchronous on purpose: nothing else runs here, and a finished job's answer must be out of the
 * process before the next one can hang it.
 */
import { readSync, writeSync } from 'node:fs';
import jsonata from 'jsonata';
import { systemClock } from '../clock.ts';
import type { BatchHead, CompileAsked } from './batch.ts';
import { confine } from './confine.ts';
import { checkExpression, compileExpression, type Evaluated, type Expression, evaluateOne } from './evaluate.ts';
import { FRAME_HEAD, frame, frameKind, uint32 } from './frames.ts';
import { loadBoundedFunctions } from './functions.ts';
import { loadOwnFunctions } from './privacy-functions.ts';
import { PseudonymMarks } from './pseudonym.ts';

/** Answers wait for company this long at most: a write wakes the relay, which costs it more than the answer does. */
const LINGER_MS = 1;
/** … and up to so many bytes: what a pipe holds. */
const LINGER_BYTES = 64 * 1024;
/** JSON text of one frame of outputs: the relay parses a frame in one go. */
const CHUNK_CHARACTERS = 128 * 1024;

/** Looking at the processor's time costs as much as ten steps of an evaluation; so every so many steps. */
const LOOK_EVERY_STEPS = 32;
/** The relay ends an evaluator that is silent for 280 ms (runner.ts). */
const SIGN_OF_LIFE_MS = 80;

const marks = new PseudonymMarks();
const functions = new Map([
  ...(await loadBoundedFunctions(jsonata, marks)),
  ...(await loadOwnFunctions(jsonata, marks)),
]);
const programs = new Map<string, { readonly text: string; expression: Expression | null }>();
let siblingPid = 0;

let outgoing: Buffer[] = [];
let outgoingBytes = 0;
let lastFlush = 0;

function flush(): void {
  lastFlush = systemClock.monotonic();
  if (outgoingBytes === 0) return;
  const bytes = outgoing.length === 1 ? (outgoing[0] as Buffer) : Buffer.concat(outgoing, outgoingBytes);
  outgoing = [];
  outgoingBytes = 0;
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

function reply(kind: number, ...parts: Uint8Array[]): void {
  const bytes = frame(kind, ...parts);
  outgoing.push(bytes);
  outgoingBytes += bytes.length;
  if (outgoingBytes >= LINGER_BYTES) flush();
}

/** Exactly so many bytes; null when the relay is gone. */
function read(length: number): Buffer | null {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const count = readSync(0, bytes, at, length - at, null);
    if (count === 0) return null;
    at += count;
  }
  return bytes;
}

function learn(head: BatchHead): void {
  if (head.forget) programs.clear();
  for (const [revision, text] of Object.entries(head.programs)) programs.set(revision, { text, expression: null });
}

async function evaluateJob(job: BatchHead['jobs'][number], body: Uint8Array): Promise<Evaluated> {
  const program = programs.get(job.revision);
  if (program === undefined) throw new Error(`revision ${job.revision} was never sent`);
  if (program.expression === null) {
    // A mapping may be broken here: what a source had when it was accepted is mapped later, whatever it is.
    const checked = checkExpression(program.text, marks.available);
    if (!checked.ok) {
      const [first] = checked.diagnostics;
      const { line = 1, column = 1 } = first ?? {};
      const message = `${first?.code} at ${line}:${column}: ${first?.message}`;
      return { ok: false, reason: 'mapping_error', message, line, column };
    }
    program.expression = compileExpression(program.text, functions);
  }
  marks.beginJob();
  const evaluated = await evaluateOne(program.expression, program.text, { ...job, body });
  if (!evaluated.ok || !evaluated.texts.some((text) => marks.isCutIn(text))) return evaluated;
  return {
    ok: false,
    reason: 'mapping_output',
    message: 'A pseudonym was taken apart: it is only made after the mapping',
  };
}

function answer(index: number, evaluated: Evaluated, tookMs: number): void {
  for (const values of marks.valuesInParts(CHUNK_CHARACTERS)) {
    reply(frameKind.marked, uint32(index), Buffer.from(JSON.stringify(values)));
  }
  if (!evaluated.ok) {
    reply(frameKind.failed, uint32(index), Buffer.from(JSON.stringify(evaluated)));
    return;
  }
  let chunk: string[] = [];
  let characters = 0;
  for (const text of evaluated.texts) {
    if (characters + text.length > CHUNK_CHARACTERS && chunk.length > 0) {
      reply(frameKind.more, uint32(index), Buffer.from(`[${chunk.join(',')}]`));
      chunk = [];
      characters = 0;
    }
    chunk.push(text);
    characters += text.length;
  }
  reply(frameKind.done, uint32(index), uint32(Math.round(tookMs * 1000)), Buffer.from(`[${chunk.join(',')}]`));
}

let jobAtWork = 0;
let steps = 0;
let cpuAtBegin = 0;
let wallAtBegin = 0;
let elapsedMs = 0;

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function beginJob(index: number): void {
  jobAtWork = index;
  cpuAtBegin = threadMs();
  wallAtBegin = systemClock.monotonic();
  elapsedMs = 0;
}

/**
 * JSONata asks `Date.now` at every step, and for its timeout only. It is told the time this thread has had on a core: on
 * a crowded machine a mapping must not fail for what others do (within reason: a third of the wall clock counts at least).
 * The relay's patience needs a sign of life in between: some outputs of the job, none of them.
 */
function evaluationTime(): number {
  if (++steps % LOOK_EVERY_STEPS !== 0) return elapsedMs;
  const wall = systemClock.monotonic();
  elapsedMs = Math.max(threadMs() - cpuAtBegin, (wall - wallAtBegin) / 3);
  if (wall - lastFlush > SIGN_OF_LIFE_MS) {
    reply(frameKind.more, uint32(jobAtWork), Buffer.from('[]'));
    flush();
  }
  return elapsedMs;
}

async function runBatch(payload: Buffer): Promise<void> {
  const headEnd = 4 + payload.readUInt32LE(0);
  const head = JSON.parse(payload.toString('utf8', 4, headEnd)) as BatchHead;
  learn(head);
  marks.beginBatch(head.nonce);
  let at = headEnd;
  lastFlush = systemClock.monotonic();
  for (const [index, job] of head.jobs.entries()) {
    const begin = systemClock.monotonic();
    if (head.careful || begin - lastFlush >= LINGER_MS) flush();
    beginJob(index);
    const evaluated = await evaluateJob(job, payload.subarray(at, at + job.bodyBytes));
    at += job.bodyBytes;
    answer(index, evaluated, systemClock.monotonic() - begin);
  }
  flush();
}

async function serve(): Promise<void> {
  reply(frameKind.ready);
  flush();
  for (;;) {
    const head = read(FRAME_HEAD);
    const payload = head === null ? null : read(head.readUInt32LE(0));
    if (head === null || payload === null) break;
    const kind = head[4];
    if (kind === frameKind.map) await runBatch(payload);
    else if (kind === frameKind.sibling) siblingPid = JSON.parse(payload.toString()) as number;
    else if (kind === frameKind.compile) {
      const { text, pseudonyms } = JSON.parse(payload.toString()) as CompileAsked;
      reply(frameKind.compiled, Buffer.from(JSON.stringify(checkExpression(text, pseudonyms))));
      flush();
    }
  }
  leave();
}

/** The relay is gone. A sibling that hangs in a mapping cannot notice, and would burn a core for ever. */
function leave(): void {
  if (siblingPid === 0) return;
  try {
    process.kill(siblingPid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

Date.now = evaluationTime;
confine();
await serve();
process.exit(0);
