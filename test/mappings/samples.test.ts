/**
 * The shipped sources: every case becomes exactly what its expected.json says, under the guard rails the relay sets,
 * and what comes out keeps Mixpanel's rules and lets no personal data through.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import jsonata from 'jsonata';
import { describe, expect, it } from 'vitest';
import { parseBody } from '../../src/body/parse.ts';

type Output = { readonly event: string; readonly properties: Record<string, unknown> };
type Case = { readonly name: string; readonly file: string; readonly headers: Record<string, string> };

const root = join(import.meta.dirname, '../../mappings');
const samples = ['stripe', 'github', 'shopify', 'slack'];
const examples = readdirSync(join(root, '_examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => `_examples/${entry.name}`);

const read = (file: string): string => readFileSync(file, 'utf8');

function casesOf(source: string): Case[] {
  const folder = join(root, source, 'cases');
  const files = readdirSync(folder);
  return files
    .filter((file) => file.includes('.payload.'))
    .map((file) => {
      const name = file.slice(0, file.indexOf('.payload.'));
      const headersFile = files.find((other) => other === `${name}.headers.json`);
      const headers = headersFile ? JSON.parse(read(join(folder, headersFile))) : {};
      return { name, file: join(folder, file), headers: { 'content-type': 'application/json', ...headers } };
    });
}

const expectedOf = ({ file, name }: Case): Output[] =>
  JSON.parse(read(join(file, '..', `${name}.expected.json`))) as Output[];

async function map(source: string, { file, headers }: Case): Promise<Output[]> {
  const parsed = parseBody(readFileSync(file), headers['content-type']);
  if (!parsed.ok) throw new Error(`${basename(file)} does not parse`);
  const mapping = jsonata(read(join(root, source, 'mapping.jsonata')), { timeout: 100, stack: 200, sequence: 10_000 });
  const delivery = { id: 'dlv_case', source, provider: source, received_at: '2026-11-20T12:00:00.000Z', key: null };
  const result: unknown = await mapping.evaluate(parsed.value, { headers, query: {}, delivery });
  const outputs = result === undefined || result === null ? [] : Array.isArray(result) ? result : [result];
  return JSON.parse(JSON.stringify(outputs)) as Output[];
}

/** Seconds, milliseconds or ISO text become milliseconds; a missing person is the empty one. */
function complete({ event, properties }: Output): Output {
  const { time, distinct_id = '', ...rest } = properties;
  const milliseconds = typeof time === 'string' ? Date.parse(time) : Number(time) < 1e11 ? Number(time) * 1000 : time;
  return { event, properties: { ...rest, distinct_id, ...(time === undefined ? {} : { time: milliseconds }) } };
}

describe.each([...samples, ...examples])('the %s mapping', (source) => {
  it.each(casesOf(source).map((one) => [one.name, one] as const))('makes of %s what is expected', async (_, one) => {
    expect((await map(source, one)).map(complete)).toEqual(expectedOf(one));
  });
});

describe.each(samples)('the shipped cases of %s', (source) => {
  const cases = casesOf(source);
  const expected = cases.flatMap(expectedOf);

  it('are at least five, some skipped and one with several events', () => {
    const counts = cases.map((one) => expectedOf(one).length);
    expect(cases.length).toBeGreaterThanOrEqual(5);
    expect(counts).toContain(0);
    expect(Math.max(...counts)).toBeGreaterThan(1);
  });

  it('carry text beyond ASCII and null fields, as real webhooks do', () => {
    const bodies = cases.map((one) => decodeURIComponent(read(one.file).replace(/\+/g, ' '))).join('\n');
    expect(bodies).toMatch(/[^\p{ASCII}]/u);
    expect(bodies).toMatch(/:\s*null/);
  });

  it('hold an expectation for every payload and no leftover files', () => {
    const files = readdirSync(join(root, source, 'cases'));
    const known = cases.flatMap(({ name, file }) => [basename(file), `${name}.headers.json`, `${name}.expected.json`]);
    expect(files.filter((file) => !known.includes(file))).toEqual([]);
  });

  it('become events with readable names and snake_case properties', () => {
    for (const { event, properties } of expected) {
      expect(event).toMatch(/^[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)+$/);
      for (const name of Object.keys(properties)) expect(name).toMatch(/^[a-z][a-z_]*$/);
    }
  });

  it('let no e-mail address, name, token or written text through', () => {
    const text = JSON.stringify(expected);
    for (const never of ['@', 'Exemple 5', 'Zoë', 'Guten Morgen', 'verification-token', 'response_url', '4242']) {
      expect(text).not.toContain(never);
    }
  });

  it('happened within three days, so that one clock suits them all when they are sent', () => {
    const times = expected.map(({ properties }) => properties.time).filter((time) => typeof time === 'number');
    expect(Math.min(...times)).toBeGreaterThanOrEqual(Date.parse('2026-11-18T00:00:00Z'));
    expect(Math.max(...times)).toBeLessThanOrEqual(Date.parse('2026-11-20T18:00:00Z'));
  });
});
