import { describe, expect, it } from 'vitest';
import { createLog, type LogFields, type LogOptions } from '../../src/observe/log.ts';
import { createMask } from '../../src/observe/mask.ts';
import { stillClock } from '../support/observe-fixtures.ts';

const CANARY = 'whsec_canary/5+"f2';

function made(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  let room = true;
  let abandoned = 0;
  const mask = createMask();
  mask.hide([CANARY, 'user:longpassword']);
  const log = createLog({
    level: 'info',
    clock: stillClock(),
    mask,
    pretty: false,
    colours: false,
    sink: {
      write(line) {
        if (room) lines.push(line);
        return room;
      },
      drained: () => Promise.resolve(),
      abandon: () => void abandoned++,
    },
    ...options,
  });
  return {
    log,
    lines,
    given: () => abandoned,
    last: () => JSON.parse(lines.at(-1) ?? 'null'),
    setRoom: (value: boolean) => (room = value),
  };
}

describe('a line', () => {
  it('is one JSON object with time, level, its stable name and its fields', () => {
    const { log, lines, last } = made();
    log.info('delivery.accepted', { source: 'stripe', status: 200, key: null, left: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(last()).toEqual({
      level: 'info',
      time: '2026-11-21T10:04:11.000Z',
      msg: 'delivery.accepted',
      source: 'stripe',
      status: 200,
      key: null,
    });
  });

  it('below the level is not written', () => {
    const { log, lines } = made({ level: 'warn' });
    log.info('delivery.accepted');
    expect(lines).toEqual([]);
    log.warn('buffer.full');
    expect(lines).toHaveLength(1);
  });

  it('holds nothing that a terminal obeys', () => {
    const { log, lines, last } = made();
    log.warn('delivery.refused', { type: 'a\u001b[31m\u009b2J\n\u202edcba\u2028' });
    expect(lines[0]?.trimEnd()).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028]/u);
    expect(last().type).toBe('a\\u001b[31m\\u009b2J\\u000a\\u202edcba\\u2028');
  });

  it('is short, however long a value is', () => {
    const { log, lines } = made();
    log.warn('delivery.refused', { type: 'x'.repeat(1_000_000), list: Array.from({ length: 9_999 }, () => 'y') });
    expect(lines[0]?.length).toBeLessThan(2_000);
  });

  it('keeps a broken surrogate from breaking it', () => {
    const { log, last } = made();
    log.info('delivery.accepted', { type: '\ud800' });
    expect(last().msg).toBe('delivery.accepted');
  });
});

describe('secrets', () => {
  it.each([
    ['as they are', CANARY],
    ['in a URL', `https://x.example/${encodeURIComponent(CANARY)}?a`],
    ['in JSON', JSON.stringify({ key: CANARY })],
    ['in a Basic header', Buffer.from('user:longpassword').toString('base64')],
    ['as the password alone', 'sent longpassword'],
  ])('are cut out of texts %s', (_how, message) => {
    const { log, lines } = made();
    log.error('request.failed', { message, list: [message] });
    expect(lines[0]).toContain('[masked]');
    expect(lines[0]).not.toContain('canary');
    expect(lines[0]).not.toContain('longpassword');
    expect(lines[0]).not.toContain(Buffer.from('user:longpassword').toString('base64'));
  });

  it.each(['secret', 'token', 'authorization', 'x_signature', 'body', 'headers', 'api_key'])(
    'are masked in a field called %s',
    (name) => {
      const { log, last } = made();
      log.info('delivery.accepted', { [name]: 'unknown to the mask' });
      expect(last()[name]).toBe('[masked]');
    },
  );

  it('do not slip in as an object', () => {
    const { log, lines } = made();
    log.info('delivery.accepted', { extra: { inner: 'payload' } } as unknown as LogFields);
    expect(lines[0]).not.toContain('payload');
  });

  it('leave other words alone', () => {
    const { log, last } = made();
    log.info('delivery.accepted', { type: 'charge.succeeded', body_bytes: 5 });
    expect(last()).toMatchObject({ type: 'charge.succeeded', body_bytes: 5 });
  });

  it('of three letters would cut words to pieces and are not searched', () => {
    const mask = createMask();
    mask.hide(['abc']);
    expect(mask.apply('abcdef')).toBe('abcdef');
  });
});

describe('a reader that is too slow', () => {
  it('loses lines instead of holding up the relay, and is told how many', () => {
    const { log, lines, setRoom, last } = made();
    setRoom(false);
    for (let i = 0; i < 5; i++) log.info('delivery.accepted');
    expect(log.dropped()).toBe(5);
    setRoom(true);
    log.info('delivery.accepted');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['log.dropped', 'delivery.accepted']);
    expect(JSON.parse(lines[0] as string).lines).toBe(5);
    log.info('delivery.accepted');
    expect(lines).toHaveLength(3);
    expect(last().msg).toBe('delivery.accepted');
  });

  it('does not hold up the end either: what nobody reads is given up', async () => {
    let abandoned = 0;
    const sink = {
      write: () => true,
      drained: () => new Promise<void>(() => undefined),
      abandon: () => void abandoned++,
    };
    await made({ clock: stillClock({ late: true }), sink }).log.close();
    expect(abandoned).toBe(1);
  });

  it('that takes everything in the end has nothing given up', async () => {
    const { log, given } = made();
    await log.close();
    expect(given()).toBe(0);
  });
});

describe('for a person', () => {
  it('a delivery is one readable line', () => {
    const { log, lines } = made({ pretty: true });
    log.info('delivery.accepted', {
      source: 'stripe',
      delivery: 'dlv_01',
      type: 'charge.succeeded',
      status: 200,
      duration_ms: 6.2,
    });
    expect(lines[0]).toBe('10:04:11   delivery.accepted  200 stripe   dlv_01 charge.succeeded  6 ms\n');
  });

  it('there are colours only when they are wanted', () => {
    const fields = { status: 401, source: 'github' };
    const plain = made({ pretty: true });
    plain.log.warn('delivery.refused', fields);
    expect(plain.lines[0]).not.toContain('\u001b[');
    const coloured = made({ pretty: true, colours: true });
    coloured.log.warn('delivery.refused', fields);
    expect(coloured.lines[0]).toContain('\u001b[31m401');
  });
});
