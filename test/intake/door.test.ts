import { expect, it } from 'vitest';
import { openDoor, post, secret, signed, source } from './door.ts';

it('answers 200 with an id and keeps the bytes as they came', async () => {
  await using door = await openDoor();
  const answer = await post(door, '{"a": 1 }', signed('{"a": 1 }', { 'x-github-delivery': 'one' }));
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({ delivery: expect.stringMatching(/^dlv_[0-9a-z]{26}$/), status: 'accepted' });
  expect(Buffer.from(door.kept[0]?.body ?? []).toString()).toBe('{"a": 1 }');
  expect(door.receipts).toMatchObject([{ source: 'acme', result: 'accepted', status: 200 }]);
});

it('answers a webhook it has seen with the first id and keeps nothing', async () => {
  await using door = await openDoor();
  const first = await post(door, '{}', signed('{}', { 'x-github-delivery': 'one' }));
  const second = await post(door, '{}', signed('{}', { 'x-github-delivery': 'one' }));
  expect(second.body).toEqual({ delivery: first.body.delivery, status: 'duplicate' });
  expect(door.kept).toHaveLength(1);
});

it('keeps two equal webhooks with different ids', async () => {
  await using door = await openDoor();
  await post(door, '{}', signed('{}', { 'x-github-delivery': 'one' }));
  await post(door, '{}', signed('{}', { 'x-github-delivery': 'two' }));
  expect(door.kept).toHaveLength(2);
});

it('takes a handshake for what it is: answered, not kept', async () => {
  await using door = await openDoor({ sources: [source({ provider: 'slack' })] });
  const form = 'ssl_check=1&token=x';
  const answer = await fetch(`${door.url}/hooks/acme`, {
    method: 'POST',
    body: form,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(answer.status).toBe(200);
  expect(door.kept).toEqual([]);
  expect(door.receipts).toMatchObject([{ result: 'handshake' }]);
});

it('answers with the status that source.yaml asks for', async () => {
  await using door = await openDoor({ sources: [source({ answer: 202 })] });
  expect((await post(door, '{}')).status).toBe(202);
});

it('keeps no proof header in what it hands to the buffer', async () => {
  await using door = await openDoor();
  await post(door, '{}', signed('{}', { authorization: 'Bearer abc', cookie: 'a=b' }));
  const text = JSON.stringify(door.kept[0]?.headers);
  expect(text).not.toContain(signed('{}')['x-hub-signature-256']);
  expect(text).not.toContain('Bearer abc');
  expect(text).not.toContain(secret);
});

it('asks for the delivery id of a custom source that has JSONata for it', async () => {
  const custom = source({ provider: 'custom', verify: { kind: 'none' }, secrets: [], deliveryId: 'id' });
  await using door = await openDoor({ sources: [custom], deliveryId: async () => 'from-jsonata' });
  await post(door, '{"id":"x"}', { 'content-type': 'application/json' });
  expect(door.kept).toMatchObject([{ key: 'from-jsonata' }]);
});

it('has nothing but webhooks and health on the public port', async () => {
  await using door = await openDoor();
  for (const path of ['/', '/api/sources', '/metrics', '/hooks', '/hooks/acme/a/b', '/Hooks/acme']) {
    expect((await fetch(door.url + path)).status, path).toBe(404);
  }
  for (const path of ['/livez', '/readyz', '/health']) expect((await fetch(door.url + path)).status, path).toBe(200);
});
