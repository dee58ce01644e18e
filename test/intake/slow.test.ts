import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { type Listening, listen } from '../../src/intake/server.ts';
import { openDoor } from './door.ts';

const patience = { headersMs: 200, requestMs: 400, checkMs: 50 };

/** Writes, then waits until the other side ends the connection; what came back. */
function half(listening: Listening, text: string): Promise<string> {
  return new Promise((resolve) => {
    let seen = '';
    const socket = connect(listening.port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      seen += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(seen));
  });
}

async function impatient(): Promise<Listening> {
  return listen(
    (req, res) => void req.on('end', () => res.end('whole')).resume(),
    { host: '127.0.0.1', port: 0 },
    patience,
  );
}

it('ends a request whose headers do not come with 408', async () => {
  await using listening = await impatient();
  const answer = await half(listening, 'POST /hooks/acme HTTP/1.1\r\nhost: x\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain('"code":"timeout"');
});

it('ends a request whose body does not come with 408', async () => {
  await using listening = await impatient();
  const answer = await half(listening, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc');
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

it('answers a request that comes whole', async () => {
  await using listening = await impatient();
  const answer = await half(
    listening,
    'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});

it('keeps nothing of a webhook whose sender goes away half way', async () => {
  await using door = await openDoor();
  await new Promise<void>((resolve) => {
    const socket = connect(door.port, '127.0.0.1', () => {
      socket.write('POST /hooks/acme HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc', () => socket.destroy());
    });
    socket.on('close', () => resolve());
  });
  await expect.poll(() => door.receipts.length).toBe(1);
  expect(door.receipts).toMatchObject([{ result: 'malformed' }]);
  expect(door.kept).toEqual([]);
});
