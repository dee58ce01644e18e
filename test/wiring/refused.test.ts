import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RefusedAccess } from '../../src/admin/deps.ts';
import type { RefusedItem } from '../../src/admin/schemas/refused.ts';
import { systemClock } from '../../src/clock.ts';
import type { Source } from '../../src/model.ts';
import { createMask } from '../../src/observe/mask.ts';
import { createRefusedRing } from '../../src/observe/refused-ring.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { refusedAccess } from '../../src/wiring/refused.ts';
import { type DoorChange, openDoor, post, secret, signed, source } from '../intake/door.ts';
import { admin } from '../support/admin-fixtures.ts';

async function open(change: DoorChange = {}) {
  const ring = createRefusedRing(change.clock ?? systemClock);
  const door = await openDoor({ ...change, refused: ring.add });
  const mask = createMask();
  mask.hide([secret]);
  const fetched: string[] = [];
  const remote = { fetch: async (url: string) => `${fetched.push(url)} is not there`, get: () => null };
  const access: RefusedAccess = refusedAccess({
    refused: ring,
    mask,
    remote,
    bodyBytesMax: 1_048_576,
    publicUrl: null,
    find: door.find,
  });
  const { ask } = admin({ refused: access, mask });
  const items = async (): Promise<RefusedItem[]> => (await ask.get('/api/refused')).body.items;
  const newest = async (): Promise<RefusedItem> => {
    const [item] = await items();
    if (item === undefined) throw new Error('nothing was refused');
    return item;
  };
  const again = async (id: string) => (await ask.post(`/api/refused/${id}/verify`)).body;
  const mend = (as: Source) => door.enter(as, createVerifier(as, { publicUrl: null }));
  return { door, ask, items, newest, again, mend, [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

const body = '{"zen":"Keep it logically awesome."}';
const rightSignature = createHmac('sha256', secret).update(body).digest('hex');
const wrong = {
  'content-type': 'application/json',
  'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
  'x-more': 'yes',
};

describe('a refused request', () => {
  it('is kept with what it takes to see why, and its proof masked', async () => {
    await using here = await open();
    await post(here.door, body, wrong, '/hooks/acme?tenant=7&api_key=abc');
    const item = await here.newest();
    expect(item).toMatchObject({
      ...{ source: 'acme', code: 'unverified', status: 401, method: 'POST', bytes: body.length },
      ...{ body, body_encoding: 'text', body_cut: false, path: '/hooks/acme?tenant=7&api_key=•••' },
      reason: expect.stringContaining('signature'),
    });
    expect(item.id).toMatch(/^ref_/);
    expect(item.headers).toMatchObject({ 'x-more': 'yes', 'x-hub-signature-256': '•••' });
    expect((await here.ask.get(`/api/refused/${item.id}`)).body).toEqual(item);
    expect(here.door.receipts.at(-1)).toMatchObject({ result: 'unverified', refused: item.id });
  });

  it('is not kept when nothing was wrong with it but the moment, or when nobody knows its source', async () => {
    const limits = { accept: { count: 1, windowMs: 60_000 }, forward: null };
    await using here = await open({ sources: [source({ limits })] });
    expect((await post(here.door, body)).status).toBe(200);
    expect((await post(here.door, '{"a":2}', signed('{"a":2}'))).status).toBe(429);
    expect((await post(here.door, body, wrong, '/hooks/nobody')).status).toBe(404);
    expect(await here.items()).toEqual([]);
  });

  it('is kept without a body when it was refused unread', async () => {
    await using here = await open({ sources: [source({ missing: ['ACME_SECRET'] })], bodyBytesMax: 100 });
    expect((await post(here.door, body)).status).toBe(503);
    expect(await here.newest()).toMatchObject({ code: 'closed', body: null, bytes: 0 });
    const { id } = await here.newest();
    expect(await here.again(id)).toMatchObject({ status: 409, code: 'body_cut' });
  });

  it('shows 16 KB of a long body, and never half a secret at its end', async () => {
    await using here = await open();
    const long = `${'x'.repeat(16 * 1024 - 5)}${secret}${'y'.repeat(40_000)}`;
    await post(here.door, long, wrong);
    const { body: shown, body_cut, bytes } = await here.newest();
    expect({ body_cut, bytes }).toEqual({ body_cut: true, bytes: long.length });
    expect(shown?.length).toBeLessThanOrEqual(16 * 1024);
    expect(shown?.length).toBeGreaterThan(16 * 1024 - 100);
    expect(shown).not.toContain(secret.slice(0, 5));
  });

  it('shows a compressed body inflated, and bytes that are no text in base64, without known secrets in either', async () => {
    await using here = await open();
    await post(here.door, gzipSync(`{"s":"${secret}"}`), { ...wrong, 'content-encoding': 'gzip' });
    expect(await here.newest()).toMatchObject({ body: '{"s":"[masked]"}', body_encoding: 'text' });
    await post(here.door, Buffer.concat([Buffer.from([0, 255]), Buffer.from(secret)]), wrong);
    const item = await here.newest();
    expect(item.body_encoding).toBe('base64');
    const bytes = Buffer.from(item.body ?? '', 'base64');
    expect([...bytes.subarray(0, 2)]).toEqual([0, 255]);
    expect(bytes.toString('latin1')).not.toContain(secret);
  });
});

describe('secrets and right signatures', () => {
  const keyed = source({ name: 'keyed', provider: 'custom', verify: { kind: 'path_key' } });
  const basic = source({ name: 'basic', provider: 'custom', verify: { kind: 'basic' }, secrets: [`me:${secret}`] });
  const learned = source({ name: 'asana', provider: 'asana', secrets: [] });

  it('are in no answer, wherever they stood in the request', async () => {
    await using here = await open({ sources: [source(), keyed, basic, learned] });
    const { door } = here;
    // Right in every way, but for a body that is no JSON: the door believed the proof.
    const broken = '{"no":';
    const proof = signed(broken);
    expect((await post(door, broken, proof)).status).toBe(400);
    expect((await post(door, broken, { 'content-type': 'application/json' }, `/hooks/keyed/${secret}`)).status).toBe(
      400,
    );
    const authorization = `Basic ${Buffer.from(`me:${secret}`).toString('base64')}`;
    expect(
      (await post(door, broken, { 'content-type': 'application/json', authorization }, '/hooks/basic')).status,
    ).toBe(400);
    const handed = { 'content-type': 'application/json', 'x-hook-secret': 'handed-over-0123456789' };
    expect((await post(door, '{}', handed, '/hooks/asana')).status).toBe(401);
    const inBody = { verification_token: 'handed-over-0123456789', additionalData: { hmacSignature: rightSignature } };
    await post(door, JSON.stringify(inBody), wrong);
    await post(door, `bt_signature=${rightSignature}&bt_payload=x`, { 'x-hub-signature-256': secret });
    await post(door, body, { ...wrong, 'x-original-url': `/hooks/keyed/${secret}` });
    const { items } = (await here.ask.get('/api/refused?limit=200')).body;
    expect(items).toHaveLength(7);
    const told = [items, ...(await Promise.all(items.map(({ id }: RefusedItem) => here.again(id))))];
    const signature = proof['x-hub-signature-256']?.slice('sha256='.length) as string;
    for (const canary of [secret, signature, rightSignature, authorization.slice(6), 'handed-over-0123456789']) {
      expect(JSON.stringify(told)).not.toContain(canary);
    }
  });
});

describe('checking again', () => {
  it('says that it would be accepted, once the secret was mended', async () => {
    await using here = await open({ sources: [source({ secrets: ['whsec_the-wrong-secret'] })] });
    expect((await post(here.door, body)).status).toBe(401);
    const { id } = await here.newest();
    expect(await here.again(id)).toMatchObject({ id, source: 'acme', verified: false, code: 'unverified' });
    here.mend(source());
    expect(await here.again(id)).toMatchObject({ verified: true, code: null, reason: null });
    // It was only looked at.
    expect(here.door.kept).toEqual([]);
  });

  it('says step by step what was looked at, and the likely causes', async () => {
    await using here = await open({ sources: [source({ secrets: ['whsec_the-wrong-secret'] })] });
    await post(here.door, body);
    const { steps, causes } = await here.again((await here.newest()).id);
    const seen = steps.map(({ step, ok }: { step: string; ok: boolean }) => `${step} ${ok}`);
    expect(seen).toEqual(expect.arrayContaining(['proof true', 'secret false']));
    expect(causes.length).toBeGreaterThan(0);
    here.mend(source());
    expect(await here.again((await here.newest()).id)).toMatchObject({ verified: true, causes: [] });
  });

  it('holds a signed time against when it came, not against now', async () => {
    let passed = 0;
    const clock = { ...systemClock, now: () => Date.now() + passed };
    const stripe = source({ provider: 'stripe' });
    await using here = await open({ sources: [source({ provider: 'stripe', secrets: ['whsec_other'] })], clock });
    const timestamp = Math.floor(clock.now() / 1000);
    const v1 = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    await post(here.door, body, { 'content-type': 'application/json', 'stripe-signature': `t=${timestamp},v1=${v1}` });
    here.mend(stripe);
    passed = 3_600_000;
    expect(await here.again((await here.newest()).id)).toMatchObject({ verified: true });
  });

  it('says so when the secret is right but the body is not', async () => {
    await using here = await open();
    await post(here.door, '{"no":', wrong);
    await post(here.door, '{"no":');
    const [malformed, unverified] = await here.items();
    expect(await here.again(malformed?.id ?? '')).toMatchObject({ verified: false, code: 'malformed' });
    expect(await here.again(unverified?.id ?? '')).toMatchObject({ verified: false, code: 'unverified' });
  });

  it('is 404 for what is not there, and names the source that is gone', async () => {
    await using here = await open();
    expect(await here.again('ref_nothing')).toMatchObject({ status: 404 });
  });
});
