/**
 * One evaluator process, seen from the relay: starting → ready → ended. It is never trusted: whatever it sends that is
 * no frame ends it, and so does silence (lane.ts keeps the time).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KnownPrograms } from './batch.ts';
import { confinedArguments, readablePaths } from './confine.ts';
import { FrameReader, frame, frameKind } from './frames.ts';

/** Kept of what it says on stderr: enough for the head of a stack trace. */
const WORDS_MAX = 2_000;

export type ChildListener = {
  /** `payload` is only good during the call. A throw ends the child. */
  readonly frame: (child: EvaluatorChild, kind: number, payload: Buffer) => void;
  readonly ended: (child: EvaluatorChild) => void;
};

export class EvaluatorChild implements AsyncDisposable {
  readonly programs = new KnownPrograms();
  ready = false;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #words = '';

  constructor(listener: ChildListener, entry = fileURLToPath(new URL('./evaluator.ts', import.meta.url))) {
    // A group of its own: Ctrl-C at a terminal must not take the evaluator away while the relay still drains.
    const flags = confinedArguments(entry, [...readablePaths(), dirname(entry)]);
    this.#process = spawn(process.execPath, flags, { env: {}, stdio: 'pipe', detached: true });
    const { stdin, stdout, stderr } = this.#process;
    const reader = new FrameReader((kind, payload) => listener.frame(this, kind, payload));
    stdout?.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#words += `${error}\n`;
        stdout.removeAllListeners('data').resume();
        this.kill();
      }
    });
    stderr?.on('data', (chunk: Buffer) => {
      if (this.#words.length < WORDS_MAX) this.#words += chunk.toString().slice(0, WORDS_MAX);
    });
    // A broken pipe is its end, which is told by 'close'.
    for (const stream of [stdin, stdout, stderr]) stream?.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      let told = false;
      const end = () => {
        if (told) return;
        told = true;
        resolve();
        listener.ended(this);
      };
      // 'close' comes after everything it wrote was read; a start that fails outright has only 'error'.
      this.#process.once('close', end);
      this.#process.once('error', (error) => {
        this.#words += `${error}\n`;
        if (this.#process.pid === undefined) end();
      });
    });
  }

  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  /** What it said before it ended, for the log. */
  get lastWords(): string {
    return this.#words.trim().slice(0, WORDS_MAX);
  }

  send(bytes: Buffer): void {
    this.#process.stdin?.write(bytes);
  }

  /** Should the relay be gone without a word, this child ends that one, which may hang. */
  watchOver(sibling: EvaluatorChild): void {
    if (sibling.pid !== null) this.send(frame(frameKind.sibling, Buffer.from(JSON.stringify(sibling.pid))));
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#ended;
  }
}
