/** A real Redis that speaks TLS, with a certificate of an authority that only this test knows. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { freePort, RedisServer } from './redis-server.ts';

const dayMs = 86_400_000;

export class RedisWithTls {
  readonly server: RedisServer;
  readonly port: number;
  /** The authority's certificate, and the file it is in. */
  readonly authority: { readonly pem: string; readonly file: string };
  readonly #folder: string;

  /** For `localhost`. */
  static async start(): Promise<RedisWithTls> {
    const folder = await mkdtemp(join(tmpdir(), 'redis-tls-'));
    const [from, to] = [Date.now() - dayMs, Date.now() + dayMs];
    const authority = makeCertificate('An authority of our own', from, to, { authority: true });
    const own = makeCertificate('redis', from, to, { by: authority, host: 'localhost' });
    const files = { ca: join(folder, 'ca.pem'), own: join(folder, 'own.pem'), key: join(folder, 'own.key') };
    await writeFile(files.ca, authority.pem);
    await writeFile(files.own, own.pem);
    await writeFile(files.key, own.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const port = await freePort();
    const server = await RedisServer.start({
      ...{ 'tls-port': String(port), 'tls-cert-file': files.own, 'tls-key-file': files.key },
      ...{ 'tls-ca-cert-file': files.ca, 'tls-auth-clients': 'no' },
    });
    return new RedisWithTls(server, port, { pem: authority.pem, file: files.ca }, folder);
  }

  private constructor(
    server: RedisServer,
    port: number,
    authority: { readonly pem: string; readonly file: string },
    folder: string,
  ) {
    this.server = server;
    this.port = port;
    this.authority = authority;
    this.#folder = folder;
  }

  /** `credentials`: as they stand in an address, with their `@`. */
  url(credentials = '', host = 'localhost'): string {
    return `rediss://${credentials}${host}:${this.port}`;
  }

  async remove(): Promise<void> {
    await this.server.remove();
    await rm(this.#folder, { recursive: true });
  }
}
