/** A whole sending lane to Bloomreach: queue in memory, forwarder, client at the vendor's pace, and the sandbox behind a real socket. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BloomreachOptions, createBloomreach } from '../../src/destinations/bloomreach/destination.ts';
import { createPacer } from '../../src/destinations/bloomreach/pacer.ts';
import { shapeCommand } from '../../src/destinations/bloomreach/shape.ts';
import { type BloomreachSandbox, createBloomreachSandbox } from '../../src/destinations/sandbox/bloomreach.ts';
import type { RelayEvent } from '../../src/model.ts';
import { createFakeClock } from './fake-clock.ts';
import { CONCURRENCY, openSending, type Sending, type SendingOptions } from './sending.ts';

/** What a command is: good, one that the key may not send, or one that the relay's own checks would not have let through. */
export type CommandKind = 'event' | 'update' | 'denied event' | 'denied update' | 'nobody' | 'broken';

export type BloomreachLane = AsyncDisposable &
  Omit<Sending, 'stop'> & {
    readonly double: BloomreachSandbox;
    /** Headers of the requests, in order. */
    readonly seen: readonly IncomingHttpHeaders[];
    /** Each of a customer of its own. */
    put(...commands: readonly CommandKind[]): void;
  };

export type BloomreachLaneOptions = SendingOptions & {
  /** Other than those that the sandbox knows. */
  readonly client?: Partial<Pick<BloomreachOptions, 'projectToken' | 'key'>>;
  /** To the sandbox, which knows no TLS. */
  readonly scheme?: 'https';
  /** That the sandbox takes. */
  readonly requestsPerSecond?: number;
};

const PROJECT = 'project-of-the-tests';
const KEY = { id: 'key-of-the-tests', secret: 'secret-of-the-tests' };
const projects = { [PROJECT]: { keys: { [KEY.id]: KEY.secret }, publicTokens: ['token-of-the-tests'] } };
const SHAPE = { customerIdType: 'registered', endUserAddress: false };
/** Not one object, so that nothing of its request is JSON of commands. */
const BROKEN = '[]';
const NOBODY = '{"name":"customers/events","data":{"event_type":"Paid"}}';

export async function openBloomreachLane(options: BloomreachLaneOptions = {}): Promise<BloomreachLane> {
  const clock = createFakeClock();
  const { requestsPerSecond } = options;
  const double = createBloomreachSandbox({ clock, projects, ...(requestsPerSecond ? { requestsPerSecond } : null) });
  double.deny({ events: ['Denied'], properties: ['denied'] });
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push({ ...request.headers });
    double.handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const bloomreach = createBloomreach({
    ...{ name: 'crm', baseUrl: `${options.scheme ?? 'http'}://127.0.0.1:${port}`, projectToken: PROJECT, key: KEY },
    ...{ endUserAddress: false, timeoutMs: 30_000, concurrency: options.concurrency ?? CONCURRENCY, clock },
    pacer: createPacer(clock),
    ...options.client,
  });
  const { stop, ...sending } = openSending(bloomreach, clock, options);
  let made = 0;
  return {
    ...sending,
    double,
    seen,
    put(...commands) {
      sending.keeper.put(
        commands.map((kind) => {
          const number = ++made;
          const about = { destination: 'crm', source: 'shop', delivery: `dlv_${number}`, receivedAt: clock.now() };
          return { id: `evt_${number}-0`, ...about, ...recordOf(kind, number, clock.now()) };
        }),
      );
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await bloomreach[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function recordOf(kind: CommandKind, number: number, now: number): Pick<RelayEvent, 'json' | 'time' | 'update'> {
  if (kind === 'nobody' || kind === 'broken') return { json: kind === 'nobody' ? NOBODY : BROKEN, time: now };
  const context = { source: 'shop', identity: `d${number}`, receivedAt: now, index: 0, now };
  const shaped = shapeCommand(outputOf(kind, `u${number}`), context, SHAPE);
  const record = shaped.ok ? shaped.records[0] : undefined;
  if (record === undefined) throw new Error(JSON.stringify(shaped));
  return record;
}

function outputOf(kind: Exclude<CommandKind, 'nobody' | 'broken'>, customer: string): object {
  if (kind === 'update' || kind === 'denied update')
    return { $distinct_id: customer, $set: { [kind === 'update' ? 'plan' : 'denied']: 'pro' } };
  return { event: kind === 'event' ? 'Paid' : 'Denied', properties: { distinct_id: customer } };
}
