/** A private port over a real store, with sources whose providers hand over secrets; the handshake is played by the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdminApp } from '../../src/admin/admin-app.ts';
import { openSqliteBuffer } from '../../src/buffer/sqlite/keeper.ts';
import { adminDeps } from './admin-fixtures.ts';
import { movedClock } from './buffer-fixtures.ts';
import { checked } from './checked-answers.ts';
import { NOW, source, sourceStatus, stillClock } from './observe-fixtures.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-tests';
export const READ_TOKEN = 'read-token-of-the-tests';
/** `notion` wants its secret pasted back; `stripe` has one in its source.yaml and learns none. */
const SOURCES = {
  asana: source({ name: 'asana', provider: 'asana' }),
  notion: source({ name: 'notion', provider: 'notion' }),
  given: source({ name: 'given', provider: 'asana', secrets: ['given-in-the-file'] }),
  closed: source({ name: 'closed', provider: 'asana', missing: ['ASANA_SECRET'] }),
  stripe: source({ secrets: ['whsec_1'] }),
};

export async function armingRelay(options: { readonly token?: string | null } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'arming-'));
  const clock = movedClock(NOW);
  const keeper = await openSqliteBuffer({ folder, clock, bytesMax: 64 * 1024 * 1024, keepDeliveriesMs: 1_000 });
  const sources = [
    ...Object.values(SOURCES).map((one) => {
      const { name, provider, missing } = one;
      return { status: sourceStatus({ name, provider, missing }), source: one };
    }),
    { status: sourceStatus({ name: 'broken', provider: null, revision: null, refused: 'bad yaml' }), source: null },
  ];
  const { deps, calls } = adminDeps({
    clock: { ...stillClock(), now: clock.now },
    token: options.token === undefined ? ADMIN_TOKEN : options.token,
    readToken: options.token === null ? null : READ_TOKEN,
    sources: () => sources,
    arming: {
      canLearn: (name) => ['asana', 'notion', 'given', 'closed'].includes(name),
      pastesBack: (name) => name === 'notion',
      arm: (name, until) => keeper.arm(name, until),
      armed: (now) => keeper.armed(now),
      learnedSecrets: () => keeper.learnedSecrets(),
      forgetSecret: (name) => keeper.forgetSecret(name),
    },
  });
  deps.mask.hide(['secret-of-notion', 'secret-of-asana']);
  const asked: string[] = [];
  const app = checked(createAdminApp(deps));
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    app(req, res);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  /** Nobody is there, as while a relay starts again. */
  const goAway = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  const comeBack = () => new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
  return {
    ...{ url, clock, keeper, app, asked, goAway, comeBack, failures: calls.failures },
    learn: (name: string, secret = `secret-of-${name}`) => keeper.learnSecret(name, secret, clock.now()),
    async [Symbol.asyncDispose]() {
      await goAway();
      await keeper[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
