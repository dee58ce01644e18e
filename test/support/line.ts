/**
 * A line between a relay and its Redis that can go bad: silent without being closed, or deaf in one direction. And an address, as a proxy or a
 * managed Redis gives it: it can lead to another server, while the connections that are open stay where they are.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Call = { readonly near: Socket; readonly far: Socket };

export class Line {
  readonly #server: Server;
  readonly #calls = new Set<Call>();
  #port: number;
  #answersLost = false;

  constructor(port: number) {
    this.#port = port;
    this.#server = createServer((near) => {
      const far = connect(this.#port, '127.0.0.1');
      const call = { near, far };
      this.#calls.add(call);
      const end = () => {
        near.destroy();
        far.destroy();
        this.#calls.delete(call);
      };
      for (const socket of [near, far]) socket.on('error', end).on('close', end);
      near.on('data', (bytes) => far.write(bytes));
      far.on('data', (bytes) => {
        if (!this.#answersLost) near.write(bytes);
      });
    });
  }

  static async to(port: number): Promise<Line> {
    const line = new Line(port);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  get url(): string {
    const address = this.#server.address();
    return `redis://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  /** From the next connection on. */
  leadTo(port: number): void {
    this.#port = port;
  }

  /** The connections there are say nothing more and are never closed; new ones are good. */
  goSilent(): void {
    for (const { near, far } of this.#calls) {
      near.removeAllListeners('data').resume();
      far.removeAllListeners('data').resume();
    }
  }

  /** What is asked arrives; what is answered does not. */
  loseAnswers(lost: boolean): void {
    this.#answersLost = lost;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const { near, far } of this.#calls) {
      near.destroy();
      far.destroy();
    }
    await once(this.#server, 'close');
  }
}
