/**
 * From the four shipped sources to the destination: every case, signed as its provider signs, becomes exactly the events
 * its expected.json names; sent again it counts nothing; and all that looks at the relay agrees on the numbers.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { redate, shiftTo } from '../../src/cli/redate.ts';
import { freshen, sampleOfCase } from '../../src/cli/sample.ts';
import { Journey, type PrivateHealth } from '../support/journey.ts';
import { type RunningRelay, root, until } from '../support/program.ts';
import { sourceOf } from '../support/verify-fixtures.ts';

const CANARIES = {
  STRIPE_WEBHOOK_SECRET: 'whsec_canaryofstripe0123456789',
  GITHUB_WEBHOOK_SECRET: 'canary-of-github-0123456789',
  SHOPIFY_WEBHOOK_SECRET: 'canary-of-shopify-0123456789',
  SLACK_SIGNING_SECRET: 'canaryofslack0123456789abcdef',
  body: 'canary-in-the-body-0123456789',
  header: 'canary-in-a-header-0123456789',
  query: 'canary-in-the-query-0123456789',
};
const { body: _body, header: _header, query: _query, ...secrets } = CANARIES;

type Event = { readonly event: string; readonly properties: Record<string, unknown> };
type Post = {
  readonly source: string;
  readonly name: string;
  readonly body: Buffer;
  readonly headers: Record<string, string>;
  readonly expected: readonly Event[];
};

const hmac = (key: string, text: string | Buffer, encoding: 'hex' | 'base64' = 'hex') =>
  createHmac('sha256', key).update(text).digest(encoding);

/** Written after the providers' pages, not after the relay's code. */
const signers: Readonly<Record<string, (body: Buffer, seconds: number) => Record<string, string>>> = {
  stripe: (body, seconds) => ({
    'stripe-signature': `t=${seconds},v1=${hmac(secrets.STRIPE_WEBHOOK_SECRET, Buffer.concat([Buffer.from(`${seconds}.`), body]))}`,
  }),
  github: (body) => ({ 'x-hub-signature-256': `sha256=${hmac(secrets.GITHUB_WEBHOOK_SECRET, body)}` }),
  shopify: (body) => ({ 'x-shopify-hmac-sha256': hmac(secrets.SHOPIFY_WEBHOOK_SECRET, body, 'base64') }),
  slack: (body, seconds) => ({
    'x-slack-request-timestamp': `${seconds}`,
    'x-slack-signature': `v0=${hmac(secrets.SLACK_SIGNING_SECRET, Buffer.concat([Buffer.from(`v0:${seconds}:`), body]))}`,
  }),
};

const ids: Readonly<Record<string, string>> = { github: 'x-github-delivery', shopify: 'x-shopify-webhook-id' };

/** Everything the cases of a source hold, moved to now: Mixpanel takes no event older than five days. */
async function postsOf(source: string, now: number): Promise<Post[]> {
  const folder = join(root, 'mappings', source, 'cases');
  const files = readdirSync(folder);
  const posts: Post[] = [];
  for (const payload of files.filter((file) => file.includes('.payload.'))) {
    const name = payload.slice(0, payload.indexOf('.payload.'));
    const [headers, expectedFile] = [`${name}.headers.json`, join(folder, `${name}.expected.json`)];
    const sample = await sampleOfCase({
      name,
      payload: join(folder, payload),
      headers: files.includes(headers) ? join(folder, headers) : null,
      query: null,
      expected: expectedFile,
    });
    const set = [`canary_note=${CANARIES.body}`];
    const fresh = freshen(sourceOf(source), sample, { set, sameId: false, sameTime: false, now });
    const expected = JSON.parse(readFileSync(expectedFile, 'utf8')) as Event[];
    if (sample.anchorMs !== null) {
      redate(expected, { anchorMs: sample.anchorMs, byMs: shiftTo(sample.anchorMs, now) });
    }
    const id = ids[source];
    const own = { authorization: `Bearer ${CANARIES.header}`, ...(id ? { [id]: randomUUID() } : {}) };
    posts.push({ source, name, body: fresh.body, headers: { ...fresh.headers, ...own }, expected });
  }
  return posts;
}

async function post(relay: RunningRelay, { source, body, headers }: Post, wrongly = false) {
  const seconds = Math.floor(Date.now() / 1000);
  const signed = signers[source]?.(wrongly ? Buffer.from('other bytes') : body, seconds);
  const response = await fetch(`${relay.publicUrl}/hooks/${source}?note=${CANARIES.query}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { ...headers, ...signed },
  });
  return { status: response.status, text: await response.text() };
}

/** Named properties equal, and no others but those that the relay completes. */
function isSame(expected: Event, got: Event): boolean {
  // An update of a profile is completed with nothing, and the sandbox keeps no token.
  if (expected.event === undefined || got.event === undefined) return isDeepStrictEqual(expected, got);
  const completed = new Set(['token', '$insert_id', 'time', 'distinct_id']);
  return (
    expected.event === got.event &&
    Object.entries(expected.properties).every(([key, value]) => isDeepStrictEqual(value, got.properties[key])) &&
    Object.keys(got.properties).every((key) => completed.has(key) || Object.hasOwn(expected.properties, key))
  );
}

it('turns every shipped case into its events, counts copies once, and tells one story', {
  timeout: 60_000,
}, async () => {
  await using journey = await Journey.open('samples', {
    sources: {},
    env: { ...secrets, RELAY_MAPPINGS_DIR: join(root, 'mappings'), RELAY_LOG_LEVEL: 'debug' },
  });
  const relay = await journey.start();
  const posts = (await Promise.all(Object.keys(signers).map((source) => postsOf(source, Date.now())))).flat();
  const answers: string[] = [];
  for (const one of posts) {
    const [first, again] = [await post(relay, one), await post(relay, one)];
    expect([first.status, again.status], `${one.source} ${one.name}: ${first.text}`).toEqual([200, 200]);
    if (first.text !== '') {
      const { delivery } = JSON.parse(first.text) as { delivery: string };
      expect(JSON.parse(again.text), `${one.source} ${one.name}`).toEqual({ delivery, status: 'duplicate' });
    }
    expect((await post(relay, one, true)).status).toBe(401);
    answers.push(first.text, again.text);
  }
  const expected = posts.flatMap((one) => one.expected);
  await until(async () => waiting(await journey.health()) === 0, 'nothing to wait any more', 10_000);
  const left = [...expected];
  const unexpected = [...journey.sandbox.deduped(), ...journey.sandbox.updates()].filter(({ record }) => {
    const at = left.findIndex((one) => isSame(one, record as Event));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  expect((await relay.api<{ items: unknown[] }>('/api/dead-letters')).items).toEqual([]);
  expect({ missing: left, unexpected: unexpected.map(({ record }) => record) }).toEqual({
    missing: [],
    unexpected: [],
  });
  await checkCounts(journey, posts);
  const pages = await lookAround(relay);
  const { out, err } = await journey.stop();
  for (const [name, canary] of Object.entries(CANARIES)) {
    expect(
      [...answers, ...pages, out, err].some((text) => text.includes(canary)),
      `the canary ${name}`,
    ).toBe(false);
  }
});

async function checkCounts(journey: Journey, posts: readonly Post[]): Promise<void> {
  const { sources } = await journey.health();
  const metrics = await (await fetch(`${journey.relay.adminUrl}/metrics`)).text();
  const metric = (text: string) =>
    Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${text} `))
        ?.split(' ')[1],
    );
  const lines = journey.relay.seen.out.split('\n').filter((line) => line.startsWith('{'));
  const log = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const source of Object.keys(signers)) {
    const own = posts.filter((one) => one.source === source);
    const skipped = own.filter((one) => one.expected.length === 0).length;
    const events = own.reduce((sum, one) => sum + one.expected.length, 0);
    const accepted = own.length;
    expect(sources[source]).toMatchObject({
      ...{ status: 'pass', accepted, duplicates: accepted, unverified: accepted, limited: 0 },
      ...{ skipped, map_failed: 0, delivered: events, dead: 0, waiting: 0 },
    });
    for (const result of ['accepted', 'duplicate', 'unverified'])
      expect(metric(`relay_deliveries_total{source="${source}",result="${result}"}`), result).toBe(accepted);
    expect(metric(`relay_events_total{source="${source}",outcome="created"}`)).toBe(events);
    expect(metric(`relay_events_total{source="${source}",outcome="delivered"}`)).toBe(events);
    if (skipped > 0) expect(metric(`relay_events_total{source="${source}",outcome="skipped"}`)).toBe(skipped);
    const list = await journey.relay.api<{ items: { state: string; events: { delivered: number } }[] }>(
      `/api/deliveries?source=${source}&limit=500`,
    );
    expect(list.items).toHaveLength(accepted);
    expect(list.items.filter(({ state }) => state === 'skipped')).toHaveLength(skipped);
    expect(list.items.reduce((sum, { events: { delivered } }) => sum + delivered, 0)).toBe(events);
    const of = (msg: string) => log.filter((line) => line.msg === msg && line.source === source).length;
    expect([of('delivery.accepted'), of('delivery.duplicate'), of('delivery.refused')]).toEqual(
      Array(3).fill(accepted),
    );
    expect([of('delivery.mapped'), of('delivery.skipped')]).toEqual([accepted - skipped, skipped]);
  }
  const { events, updates } = journey.sandbox.state();
  const sent = log.filter(({ msg }) => msg === 'batch.sent');
  // One more: the question whether the token is known.
  expect(sent).toHaveLength(journey.sandbox.state().requests - 1);
  expect(sent.reduce((sum, { events }) => sum + Number(events), 0)).toBe(events.raw + updates.applied);
}

/** Every page of the private port. */
function lookAround(relay: RunningRelay): Promise<string[]> {
  const paths = ['/', '/health', '/metrics', '/api/sources', '/api/deliveries?limit=500', '/api/dead-letters'];
  return Promise.all(paths.map(async (path) => (await fetch(relay.adminUrl + path)).text()));
}

function waiting({ sources }: PrivateHealth): number {
  return Object.values(sources).reduce((sum, one) => sum + one.waiting, 0);
}
