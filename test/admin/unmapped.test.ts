import { expect, it } from 'vitest';
import { privateHealth } from '../../src/observe/health.ts';
import { admin, CANARY } from '../support/admin-fixtures.ts';
import { snapshot, unmappedType } from '../support/observe-fixtures.ts';

const healthWith = (unmapped: ReturnType<typeof unmappedType>[]) => ({
  health: async () => privateHealth(snapshot({ unmapped })),
});

it('sources list what falls through, like health', async () => {
  const { ask } = admin(healthWith([unmappedType({ failed: 2 })]));
  const { items } = (await ask.get('/api/sources')).body;
  const { sources } = JSON.parse((await ask.get('/health')).text);
  expect(items[0].unmapped).toMatchObject([{ type: 'charge.pending', skipped: 1, failed: 2, last_delivery: 'dlv_1' }]);
  expect(sources.stripe.unmapped).toEqual(items[0].unmapped);
  expect(items[0].counts).not.toHaveProperty('unmapped');
});

it('the page shows the first twenty, as text', async () => {
  const many = Array.from({ length: 30 }, (_, at) => unmappedType({ type: `type-${at}.`, skipped: 100 - at }));
  const { text } = await admin(healthWith([unmappedType({ type: '<img src=x>', skipped: 500 }), ...many])).ask.get('/');
  expect(text).toContain('What falls through');
  expect(text).toContain('&lt;img src=x&gt;');
  expect(text).not.toContain('<img');
  expect(text).toContain('type-18.');
  expect(text).not.toContain('type-19.');
});

it('the page says nothing of it when nothing falls through', async () => {
  expect((await admin(healthWith([])).ask.get('/')).text).not.toContain('falls through');
});

it('a known secret in a type is cut out', async () => {
  const { ask } = admin(healthWith([unmappedType({ type: `x ${CANARY}` })]));
  for (const path of ['/', '/health', '/api/sources']) {
    const { text } = await ask.get(path);
    expect(text).toContain('x [masked]');
    expect(text).not.toContain(CANARY);
  }
});
