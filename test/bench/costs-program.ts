/**
 * Microseconds of the parts, each alone. `node test/bench/costs-program.ts DELIVERIES` prints them as JSON. All of
 * it is processor time, of the thread that works: others on the machine do not change it much.
 */
import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express, { type Request, type Response } from 'express';
import { systemClock } from '../../src/clock.ts';
import { shapeOutput } from '../../src/destinations/mixpanel/shape.ts';
import { addressLimiter, sourceLimiter } from '../../src/intake/limits.ts';
import { programOf } from '../../src/mapping/program.ts';
import { createRunner, type MapTask } from '../../src/mapping/runner.ts';
import type { Source } from '../../src/model.ts';
import { benchMapping, benchOutput, benchSecret } from './bench-source.ts';
import { benchBody } from './load.ts';
import { microsOf } from './proc.ts';
import { type VerifyCost, verifyCosts } from './verify-costs.ts';

export type Costs = {
  readonly mappingChild: number;
  readonly mappingParent: number;
  readonly shape: number;
  readonly verify: readonly VerifyCost[];
  readonly limits: number;
};

/** What the mapping stage hands over at once. */
const BATCH = 256;
const LOOPS = 50_000;
/** For each of some seventy providers. */
const VERIFY_LOOPS = 5_000;

const body = Buffer.from(benchBody);
const headers = {
  host: '127.0.0.1',
  'content-type': 'application/json',
  'x-github-event': 'pull_request',
  'x-github-delivery': 'one',
  'x-hub-signature-256': `sha256=${createHmac('sha256', benchSecret).update(body).digest('hex')}`,
  'content-length': String(body.byteLength),
};
const source: Source = {
  ...{ name: 'bench', provider: 'github', secrets: [benchSecret], missing: [], url: null, toleranceMs: null },
  ...{ destinations: ['mixpanel'], keep: 'full', answer: null, fields: {}, verify: null, deliveryId: null },
  limits: { accept: { count: 1_000_000, windowMs: 1_000 }, forward: null },
};

async function mappingCosts(deliveries: number): Promise<Pick<Costs, 'mappingChild' | 'mappingParent'>> {
  await using runner = createRunner({ clock: systemClock });
  const program = programOf(benchMapping);
  const task: MapTask = {
    program,
    delivery: {
      ...{ id: 'dlv_bench', source: 'bench', provider: 'github', key: 'one', headers, query: {}, body },
      receivedAt: systemClock.now(),
    },
  };
  const batch = new Array<MapTask>(BATCH).fill(task);
  const mapMany = async (count: number) => {
    for (let done = 0; done < count; done += BATCH)
      for (const result of await runner.map(batch)) if (!result.ok) throw new Error(result.message);
  };
  await mapMany(deliveries / 4);
  const childMicros = () => runner.state.pids.reduce((sum, pid) => sum + microsOf(`${pid}`), 0);
  const before = childMicros();
  const cpu = process.threadCpuUsage();
  await mapMany(deliveries);
  const parent = microsSince(cpu);
  const mapped = Math.ceil(deliveries / BATCH) * BATCH;
  return {
    mappingParent: parent / mapped,
    mappingChild: (childMicros() - before) / mapped,
  };
}

function microsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return user + system;
}

function loopMicros(step: () => void, loops = LOOPS): number {
  for (let count = 0; count < loops / 5; count++) step();
  const cpu = process.threadCpuUsage();
  for (let count = 0; count < loops; count++) step();
  return microsSince(cpu) / loops;
}

/** With a real request in hand, as the door has it, and one address that was refused something. */
async function limitsCost(): Promise<number> {
  const addresses = addressLimiter({ rate: { count: 600, windowMs: 60_000 }, clock: systemClock });
  const limiter = sourceLimiter({ source: source.name, rate: source.limits.accept, clock: systemClock });
  const app = express();
  const measured = Promise.withResolvers<number>();
  const measure = async (req: Request, res: Response) => {
    addresses.count(req);
    let micros = 0;
    for (const loops of [LOOPS / 5, LOOPS]) {
      const cpu = process.threadCpuUsage();
      for (let count = 0; count < loops; count++)
        if ((await addresses.refuses(req, res)) || !(await limiter.admit(req, res))) throw new Error('limited');
      micros = microsSince(cpu) / loops;
    }
    res.end();
    measured.resolve(micros);
  };
  app.post('/', (req, res) => void measure(req, res).catch(measured.reject));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  void fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { method: 'POST', body: '' }).catch(
    () => {},
  );
  const micros = await measured.promise;
  server.close();
  server.closeAllConnections();
  return micros;
}

if (import.meta.main) {
  const now = systemClock.now();
  const context = { source: 'bench', identity: 'one', receivedAt: now, index: 0, now };
  const result: Costs = {
    ...(await mappingCosts(Number(process.argv[2] ?? 20_000))),
    shape: loopMicros(() => void shapeOutput(benchOutput, context)),
    verify: verifyCosts((step) => loopMicros(step, VERIFY_LOOPS)),
    limits: await limitsCost(),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
