/**
 * The shipped sources, loaded the way the relay loads them: each compiles, each case becomes exactly what its
 * expected.json says, and what comes out lets no personal data through.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseSourceFile } from '../../src/config/source-file.ts';
import { DESTINATION_DEFAULT } from '../../src/config/source-rules.ts';
import { shapeOutput } from '../../src/destinations/mixpanel/shape.ts';
import { type Case, readFolder } from '../../src/mapping/folder.ts';
import { type LoadedFolder, loadFolder } from '../../src/mapping/load.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { knownProviders } from '../../src/wiring/known-providers.ts';

/** An event, or an update of a profile or a group. */
type Output = Readonly<Record<string, unknown>> & { readonly properties?: Readonly<Record<string, unknown>> };
type Expected = { readonly event: string; readonly properties: Readonly<Record<string, unknown>> };

/** Issue by issue the list grows; a folder more or less is noticed. */
const shipped =
  'auth0 calendly chargebee clerk customerio github hubspot intercom jira linear mailgun paddle pagerduty postmark revenuecat segment sendgrid shopify slack stripe twilio typeform woocommerce zendesk';

const root = join(import.meta.dirname, '../../mappings');
const foldersIn = (dir: string) =>
  readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
    .map((entry) => entry.name);
const samples = foldersIn(root);
const runner = createRunner({ clock: systemClock, pseudonymKey: 'cases have their own' });
afterAll(() => runner[Symbol.asyncDispose]());

function load(dir: string, name: string): Promise<LoadedFolder> {
  return loadFolder(name, {
    dir,
    parse: (text, place) =>
      parseSourceFile(text, {
        ...place,
        providers: knownProviders,
        destinations: new Set([DESTINATION_DEFAULT]),
        lookup: (variable) => `secret:of-${variable}`,
      }),
    runner,
    shape: (output, context) => shapeOutput(output, context),
    clock: systemClock,
  });
}

const outputsOf = (one: Case) => one.expected as readonly Output[];
const isEvent = (output: Output): output is Output & Expected => typeof output.event === 'string';

describe.each([
  ...samples.map((name) => [name, root] as const),
  ...foldersIn(join(root, '_examples')).map((name) => [name, join(root, '_examples')] as const),
])('the source %s', (name, dir) => {
  it('loads without a problem or a warning, its cases included', async () => {
    const { source, program, cases, problems, warnings } = await load(dir, name);
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] });
    expect(source?.missing).toEqual([]);
    expect(program).not.toBeNull();
    expect(cases.length).toBeGreaterThan(0);
  });

  it('has an expectation for every payload, and no file that belongs to none', async () => {
    const { cases } = await readFolder(dir, name);
    for (const one of cases) expect(one.expected, one.name).not.toBeNull();
    const known = cases.flatMap((one) => [
      one.payloadFile.split('/').at(-1),
      ...['expected', 'headers', 'query'].map((kind) => `${one.name}.${kind}.json`),
    ]);
    expect(readdirSync(join(dir, name, 'cases')).filter((file) => !known.includes(file))).toEqual([]);
  });
});

it('ships these sources and no other', () => {
  expect(samples.sort()).toEqual(shipped.split(' '));
});

describe.each(samples)('the cases of %s', (name) => {
  const folder = readFolder(root, name);
  const outputs = folder.then(({ cases }) => cases.flatMap(outputsOf));
  const expected = outputs.then((all) => all.filter(isEvent));

  it('are at least five, some of them skipped', async () => {
    const counts = (await folder).cases.map((one) => outputsOf(one).length);
    expect(counts.length).toBeGreaterThanOrEqual(5);
    expect(counts).toContain(0);
  });

  it('carry text beyond ASCII and null fields, as real webhooks do', async () => {
    const bodies = (await folder).cases.map(({ payload }) => Buffer.from(payload).toString('utf8')).join('\n');
    // A form has no null, and spells out in percent signs what is not ASCII.
    if (!bodies.includes('{')) return expect(bodies).toMatch(/%[C-F][0-9A-F]%|=&/);
    expect(bodies).toMatch(/[^\p{ASCII}]/u);
    expect(bodies).toMatch(/:\s*null/);
  });

  it('become events with readable names and snake_case properties', async () => {
    for (const { event, properties } of await expected) {
      expect(event).toMatch(/^[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)+$/);
      for (const property of Object.keys(properties)) expect(property).toMatch(/^\$?[a-z][a-z0-9_]*$/);
    }
  });

  it('name the person of every event, the empty one when there is none', async () => {
    for (const { properties } of await expected) expect(typeof properties.distinct_id).toBe('string');
  });

  it('let no address, name, token, card or written text through', async () => {
    // An address may be who it was, where the provider knows nothing better; it stands nowhere else.
    const text = JSON.stringify(await outputs, (key, value) => (/^\$?distinct_id$/.test(key) ? undefined : value));
    const personal = [
      '@',
      'Exemple 5',
      'Zoë',
      'Guten Morgen',
      'verification-token',
      'response_url',
      '4242',
      '203.0.113',
    ];
    expect(personal.filter((never) => text.includes(never))).toEqual([]);
  });

  it('happened within three days of each other, so that they can be sent as if it were now', async () => {
    const times = (await expected).map(({ properties }) => properties.time).filter((time) => typeof time === 'number');
    expect(Math.min(...times)).toBeGreaterThanOrEqual(Date.parse('2026-11-18T00:00:00Z'));
    expect(Math.max(...times)).toBeLessThanOrEqual(Date.parse('2026-11-20T18:00:00Z'));
  });
});
