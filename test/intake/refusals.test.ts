/** Contract §4 and §7: what bad requests get at the door. Every refusal is a problem with a code, and keeps nothing. */
import { connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Door, openDoor, post, secret, signed, source } from './door.ts';

async function refused(door: Door, status: number, code: string, body: string | Uint8Array, headers = signed(body)) {
  const answer = await post(door, body, headers);
  expect(answer.body).toMatchObject({ status, code, type: expect.any(String), title: expect.any(String) });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(door.kept).toEqual([]);
  return answer;
}

describe('a request that does not prove who sent it', () => {
  const cases: Record<string, Record<string, string>> = {
    'with a wrong signature': { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
    'without a signature': { 'x-hub-signature-256': '' },
    'with a signature that is none': { 'x-hub-signature-256': 'sha256=zz' },
  };
  for (const [name, headers] of Object.entries(cases)) {
    it(`gets 401 unverified ${name}`, async () => {
      await using door = await openDoor();
      const { body } = await refused(door, 401, 'unverified', '{}', signed('{}', headers));
      expect(Object.keys(body).sort()).toEqual(['code', 'status', 'title', 'type']);
    });
  }

  it('gets 401 before anything is said about its body', async () => {
    await using door = await openDoor();
    await refused(door, 401, 'unverified', '{not json', signed('{}'));
    await refused(door, 401, 'unverified', '{}', signed('{ }', { 'content-type': 'image/png' }));
  });
});

describe('a verified body that cannot be read', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const bad: Record<string, string | Uint8Array> = {
    'that is not JSON': '{not json',
    'that ends early': '{"a":[1,2',
    'nested 65 deep': deep(65),
    'nested 100,000 deep': deep(100_000),
    'with more than 20,000 values': `[${'1,'.repeat(20_000)}1]`,
    'with a __proto__ key': '{"__proto__":{"admin":true}}',
    'with an escaped __proto__ key': '{"\\u005f_proto__":1}',
    'with invalid UTF-8': Buffer.from([0x22, 0xff, 0xfe, 0x22]),
    'that is empty': '',
  };
  for (const [name, body] of Object.entries(bad)) {
    it(`gets 400 malformed ${name}`, async () => {
      await using door = await openDoor();
      await refused(door, 400, 'malformed', body);
      expect(({} as { admin?: unknown }).admin).toBeUndefined();
    });
  }

  it('is accepted when it is nested 64 deep', async () => {
    await using door = await openDoor();
    expect((await post(door, deep(64))).status).toBe(200);
  });

  it('gets 400 with 100 form fields, and is accepted with 99', async () => {
    await using door = await openDoor();
    const form = (fields: number) => Array.from({ length: fields }, (_, at) => `f${at}=1`).join('&');
    const headers = (text: string) => signed(text, { 'content-type': 'application/x-www-form-urlencoded' });
    await refused(door, 400, 'malformed', form(100), headers(form(100)));
    expect((await post(door, form(99), headers(form(99)))).status).toBe(200);
  });

  it('gets 415 with a content type nobody reads', async () => {
    await using door = await openDoor();
    await refused(door, 415, 'unsupported_type', '{}', signed('{}', { 'content-type': 'image/png' }));
  });
});

describe('a compressed body', () => {
  it('is verified as sent and kept inflated', async () => {
    await using door = await openDoor();
    const gz = gzipSync('{"a":1}');
    expect((await post(door, gz, signed(gz, { 'content-encoding': 'gzip' }))).status).toBe(200);
    expect(Buffer.from(door.kept[0]?.body ?? []).toString()).toBe('{"a":1}');
  });

  it('gets 413 when it inflates past the limit', async () => {
    await using door = await openDoor();
    const zeros = Buffer.alloc(200 * 1024 * 1024);
    for (const [encoding, bomb] of [
      ['gzip', gzipSync(zeros)],
      ['br', brotliCompressSync(zeros, { params: { 1: 1 } })],
    ] as const) {
      await refused(door, 413, 'oversized', bomb, signed(bomb, { 'content-encoding': encoding }));
    }
  });

  it('gets 400 when it is not what it says, 415 when nobody knows it', async () => {
    await using door = await openDoor();
    await refused(door, 400, 'malformed', 'abc', signed('abc', { 'content-encoding': 'gzip' }));
    await refused(door, 415, 'unsupported_type', 'abc', signed('abc', { 'content-encoding': 'zstd' }));
  });
});

describe('the size of a body', () => {
  it('may be RELAY_MAX_BODY_BYTES and no byte more', async () => {
    await using door = await openDoor({ bodyBytesMax: 1000 });
    const text = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
    expect((await post(door, text(1000))).status).toBe(200);
    expect((await post(door, text(1001))).body.code).toBe('oversized');
    expect(door.kept).toHaveLength(1);
  });

  it('is bounded also when it is not announced', async () => {
    await using door = await openDoor({ bodyBytesMax: 1000 });
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < 50; at++) controller.enqueue(Buffer.alloc(100, 0x20));
        controller.close();
      },
    });
    const init = { method: 'POST', body: stream, duplex: 'half', headers: signed('') } as RequestInit;
    const answer = await fetch(`${door.url}/hooks/acme`, init);
    expect(answer.status).toBe(413);
  });
});

describe('where it is sent', () => {
  it('gets 404 for a source that does not exist', async () => {
    await using door = await openDoor();
    expect(await post(door, '{}', signed('{}'), '/hooks/nobody')).toMatchObject({
      status: 404,
      body: { code: 'unknown_source' },
    });
  });

  it('gets 405 with Allow for another method', async () => {
    await using door = await openDoor();
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(`${door.url}/hooks/acme`, { method });
      expect(answer.status, method).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST');
    }
  });

  it('gets 400 for a path that cannot be decoded', async () => {
    await using door = await openDoor();
    expect((await post(door, '{}', signed('{}'), '/hooks/%E0%A4%A')).status).toBe(400);
  });

  it('gets 503 with Retry-After while the source has no secret', async () => {
    await using door = await openDoor({ sources: [source({ secrets: [], missing: ['ACME_SECRET'] })] });
    const answer = await refused(door, 503, 'closed', '{}');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(JSON.stringify(answer.body)).not.toContain('ACME_SECRET');
  });

  it('gets 503 with Retry-After when the buffer is full, the store fails, or the relay stops', async () => {
    const full = async () => ({ status: 'full', retryAfterSeconds: 7 }) as const;
    await using fullDoor = await openDoor({ accept: full });
    expect((await refused(fullDoor, 503, 'full', '{}')).headers.get('retry-after')).toBe('7');
    await using brokenDoor = await openDoor({ accept: () => Promise.reject(new Error('disk on fire')) });
    expect((await refused(brokenDoor, 503, 'unavailable', '{}')).headers.get('retry-after')).toBe('10');
    await using shutDoor = await openDoor({ open: () => false });
    await refused(shutDoor, 503, 'unavailable', '{}');
    expect((await fetch(`${shutDoor.url}/readyz`)).status).toBe(503);
    const answer = await refused(shutDoor, 503, 'unavailable', '{}');
    expect(answer.headers.get('connection')).toBe('close');
  });
});

it('tells the reason to the operator only, and the secret to nobody', async () => {
  await using door = await openDoor();
  await post(door, '{}', signed('{ }'));
  expect(door.receipts).toMatchObject([{ result: 'unverified', reason: expect.any(String) }]);
  expect(JSON.stringify(door.receipts)).not.toContain(secret);
});

it('answers a request that is no HTTP with 400 and ends the connection', async () => {
  await using door = await openDoor();
  const text = await new Promise<string>((resolve) => {
    let seen = '';
    const socket = connect(door.port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
    socket.on('data', (chunk) => {
      seen += chunk;
    });
    socket.on('close', () => resolve(seen));
  });
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain('"code":"malformed"');
});
