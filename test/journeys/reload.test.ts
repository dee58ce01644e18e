/** Folders change while the relay runs: what is right is taken over for new deliveries, what is wrong is refused and said. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Journey, SECRET } from '../support/journey.ts';
import { until } from '../support/program.ts';
import { sendOne } from '../support/senders.ts';

const versioned = (version: number) =>
  `{"event": "Numbered", "properties": {"id": id, "text": text, "filler": $length(filler), "version": ${version}}}`;

it('takes over a change under load, refuses a bad one and says why until it is mended', {
  timeout: 60_000,
}, async () => {
  await using journey = await Journey.open('reload', { sources: { numbered: { mapping: versioned(1) } } });
  const { oracle, sandbox } = journey;
  await journey.start();
  const crowd = journey.crowd(8, 'numbered', { restMs: 10 });
  await until(() => sandbox.state().events.distinct > 20, 'events by the first mapping');

  journey.write('numbered', { mapping: versioned(2) });
  await until(async () => (await versionNow(journey)) === 2, 'the second mapping to be used');

  journey.write('numbered', { mapping: `${versioned(3)} )` });
  await until(async () => (await journey.health()).sources.numbered?.status === 'warn', 'a warning in health');
  const refused = await journey.health();
  expect(refused.status).toBe('warn');
  expect(refused.sources.numbered?.reasons.join()).toMatch(/older mapping runs.*numbered\/mapping\.jsonata:1:\d+/);
  expect(await versionNow(journey)).toBe(2);
  expect(journey.relay.seen.out).toContain('"source.refused"');

  journey.write('numbered', { mapping: versioned(4) });
  await until(async () => (await journey.health()).sources.numbered?.status === 'pass', 'health to pass again');
  expect(await versionNow(journey)).toBe(4);

  // It compiles, but its own case says it is wrong.
  const cases = join(journey.mappingsDir, 'numbered', 'cases');
  mkdirSync(cases);
  writeFileSync(join(cases, 'one.payload.json'), '{"id": "1", "text": "t", "filler": "ff"}');
  const expected = { event: 'Numbered', properties: { id: '1', text: 't', filler: 2, version: 4 } };
  writeFileSync(join(cases, 'one.expected.json'), JSON.stringify([expected]));
  journey.write('numbered', { mapping: versioned(5) });
  await until(async () => reasonsOf(await journey.health()).includes('case one'), 'the case to be named');
  expect(await versionNow(journey)).toBe(4);
  rmSync(cases, { recursive: true });
  await until(async () => (await journey.health()).sources.numbered?.status === 'pass', 'health to pass once more');
  expect(await versionNow(journey)).toBe(5);

  await crowd.stop();
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
  expect(Object.keys(oracle.statuses)).toEqual(['200']);
});

it('opens a folder that comes, closes one that goes, and maps what that one had accepted', {
  timeout: 60_000,
}, async () => {
  await using journey = await Journey.open('folders');
  const { oracle, sandbox } = journey;
  await journey.start();
  expect((await journey.sendFresh('later')).answer.status).toBe(404);
  journey.write('later', {});
  await until(async () => 'later' in (await journey.health()).sources, 'the new source in health');
  expect((await journey.sendFresh('later')).answer.status).toBe(200);
  await journey.sendMany(300, 16, 'later');
  rmSync(join(journey.mappingsDir, 'later'), { recursive: true });
  await until(async () => (await journey.sendFresh('later')).answer.status === 404, 'the source to be gone');
  await journey.arrived();
  expect(oracle.differences(sandbox)).toEqual([]);
});

it('reads secret files again on SIGHUP', { timeout: 60_000 }, async () => {
  await using journey = await Journey.open('hangup', { sources: {} });
  const file = join(journey.mappingsDir, '.secret');
  writeFileSync(file, SECRET);
  const folder = join(journey.mappingsDir, 'rotated');
  mkdirSync(folder);
  writeFileSync(join(folder, 'source.yaml'), `provider: github\nsecret: \${ROTATED_SECRET}\n`);
  writeFileSync(join(folder, 'mapping.jsonata'), versioned(1));
  const { pid } = await journey.start({ ROTATED_SECRET_FILE: file });
  const { oracle } = journey;
  const send = async (secret: string) => (await sendOne(journey.port, oracle.make('rotated'), secret)).status;
  expect(await send(SECRET)).toBe(200);
  expect(await send('the secret of tomorrow')).toBe(401);
  writeFileSync(file, 'the secret of tomorrow\n');
  process.kill(pid, 'SIGHUP');
  await until(async () => (await send('the secret of tomorrow')) === 200, 'the new secret to be used', 10_000);
  expect(await send(SECRET)).toBe(401);
});

/** Of an event made from a webhook that is sent now. */
async function versionNow(journey: Journey): Promise<unknown> {
  const { webhook } = await journey.sendFresh();
  let version: unknown;
  await until(() => {
    const copy = journey.sandbox.copies().findLast(({ record }) => record.properties.id === webhook.id);
    version = copy?.record.properties.version;
    return copy !== undefined;
  }, 'the fresh event');
  return version;
}

function reasonsOf({ sources }: Awaited<ReturnType<Journey['health']>>): string {
  return sources.numbered?.reasons.join() ?? '';
}
