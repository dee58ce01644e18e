/**
 * GitHub's mapping over every payload that octokit has collected from github.com and from GitHub Enterprise: what the
 * real world sends, in all its kinds, through the evaluator and the checks the relay itself uses.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { shapeOutput } from '../../src/destinations/mixpanel/shape.ts';
import { type MapResult, programOf } from '../../src/mapping/program.ts';
import { createRunner } from '../../src/mapping/runner.ts';

type Example = { readonly kind: string; readonly label: string; readonly payload: Record<string, unknown> };
type Kind = { readonly name: string; readonly examples: readonly Example['payload'][] };
type Output = { readonly event: string; readonly properties: Record<string, unknown> };

const collection = dirname(createRequire(import.meta.url).resolve('@octokit/webhooks-examples/package.json'));
const mappingFile = join(import.meta.dirname, '../../mappings/github/mapping.jsonata');
const receivedAt = Date.parse('2026-11-20T12:00:00Z');

const examples: readonly Example[] = readdirSync(collection, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: server }) => {
    const kinds: readonly Kind[] = JSON.parse(readFileSync(join(collection, server, 'index.json'), 'utf8'));
    return kinds.flatMap(({ name, examples }) =>
      examples.map((payload, index) => ({ kind: name, label: `${server} ${name} ${index}`, payload })),
    );
  });

const runner = createRunner({ clock: systemClock });
afterAll(() => runner[Symbol.asyncDispose]());

function mapAll(mapping: string, chosen: readonly Example[]): Promise<readonly MapResult[]> {
  const program = programOf(mapping);
  return runner.map(
    chosen.map(({ kind, payload }) => ({
      program,
      delivery: {
        id: 'dlv_example',
        source: 'github',
        provider: 'github',
        key: null,
        receivedAt,
        headers: { 'content-type': 'application/json', 'x-github-event': kind },
        query: {},
        body: Buffer.from(JSON.stringify(payload)),
      },
    })),
  );
}

/** What is wrong with a result, in words that name the example; nothing when all is well. */
function faults(result: MapResult | undefined, { label }: Example): string[] {
  if (!result?.ok) return [`${label}: ${result?.message}`];
  return result.outputs.flatMap((output, index) => {
    const shaped = shapeOutput(output, { source: 'github', identity: label, receivedAt, index, now: receivedAt });
    return shaped.ok ? [] : [`${label}: ${shaped.rule}: ${shaped.message}`];
  });
}

describe('the mapping of github', () => {
  const mapping = readFileSync(mappingFile, 'utf8');
  let results: readonly MapResult[] = [];
  let events: readonly Output[] = [];

  beforeAll(async () => {
    results = await mapAll(mapping, examples);
    events = results.flatMap((result) => (result.ok ? (result.outputs as readonly Output[]) : []));
  });

  it('is shown every example there is, of more than fifty kinds of webhook', () => {
    expect(examples.length).toBeGreaterThan(700);
    expect(new Set(examples.map(({ kind }) => kind)).size).toBeGreaterThan(50);
    expect(results.length).toBe(examples.length);
  });

  it('fails on none of them and breaks no rule of Mixpanel', () => {
    expect(examples.flatMap((example, index) => faults(results[index], example))).toEqual([]);
  });

  it('gives readable names and snake_case properties, whatever the kind', () => {
    expect(events.length).toBeGreaterThan(300);
    const names = new Set(events.map(({ event }) => event));
    expect([...names].filter((name) => !/^[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)+$/.test(name))).toEqual([]);
    const properties = new Set(events.flatMap(({ properties }) => Object.keys(properties)));
    expect([...properties].filter((name) => !/^[a-z][a-z_]*$/.test(name))).toEqual([]);
  });

  it('lets no e-mail address and no written text through', () => {
    const text = JSON.stringify(events);
    expect(text).not.toMatch(/[^\s"]@[^\s"]/);
    const written = examples.flatMap(({ payload }) =>
      ['comment', 'issue', 'pull_request', 'review', 'release', 'head_commit'].flatMap((thing) => {
        const { title, body, message } = (payload[thing] ?? {}) as Record<string, unknown>;
        return [title, body, message].filter((one) => typeof one === 'string' && one.length > 20);
      }),
    );
    expect(written.length).toBeGreaterThan(50);
    expect(written.filter((one) => text.includes(JSON.stringify(one).slice(1, -1)))).toEqual([]);
  });

  it('names who did it wherever the webhook does', () => {
    const nameless = examples.filter(({ payload }, index) => {
      const result = results[index];
      const [first] = result?.ok ? (result.outputs as readonly Output[]) : [];
      return payload.sender !== undefined && first !== undefined && first.properties.distinct_id === undefined;
    });
    expect(nameless.map(({ label }) => label)).toEqual([]);
  });
});

it('a mapping that breaks a rule, or fails, is noticed in every example', async () => {
  const few = examples.slice(0, 3);
  const failing = await mapAll('$error("no")', few);
  const nobody = await mapAll('{"event": "A Thing", "properties": {"distinct_id": "null"}}', few);
  expect(few.flatMap((example, index) => faults(failing[index], example))).toHaveLength(3);
  expect(few.flatMap((example, index) => faults(nobody[index], example))).toHaveLength(3);
});
