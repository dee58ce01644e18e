import { describe, expect, it } from 'vitest';
import { alsoTo, createFeed, type FeedFilter, feedListenersMax } from '../../src/observe/feed.ts';
import { createLog } from '../../src/observe/log.ts';
import { createMask } from '../../src/observe/mask.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const never = new AbortController().signal;

function open() {
  const clock = createFakeClock();
  const mask = createMask();
  mask.hide(['canary-3e91b7']);
  const feed = createFeed({ clock, mask });
  const listen = (filter: FeedFilter = {}) => {
    const listener = feed.listen(filter);
    if (listener === null) throw new Error('nobody may listen');
    return listener;
  };
  return { clock, mask, feed, listen };
}

describe('a listener', () => {
  it('is told each line as the log has it, without secrets', async () => {
    const { clock, mask, feed, listen } = open();
    const written: string[] = [];
    const sink = { write: (line: string) => written.push(line) > 0, drained: async () => {}, abandon: () => {} };
    const log = alsoTo(feed, createLog({ level: 'info', clock, mask, pretty: false, colours: false, sink }));
    using listener = listen();
    log.warn('delivery.refused', { source: 'stripe', status: 401, reason: 'canary-3e91b7 is wrong', token: 'x' });
    const batch = await listener.next(1_000, never);
    expect(batch?.lines).toHaveLength(1);
    const [line = ''] = batch?.lines ?? [];
    expect(JSON.parse(line)).toEqual(JSON.parse(written[0] ?? ''));
    expect(JSON.parse(line)).toMatchObject({ msg: 'delivery.refused', level: 'warn', source: 'stripe', status: 401 });
    expect(line).not.toContain('canary');
  });

  it('is told lines that the log is too quiet for', async () => {
    const { clock, mask, feed, listen } = open();
    const sink = { write: () => expect.unreachable('the log is silent'), drained: async () => {}, abandon: () => {} };
    const log = alsoTo(feed, createLog({ level: 'silent', clock, mask, pretty: false, colours: false, sink }));
    using listener = listen();
    log.debug('delivery.mapped', { source: 'stripe', events: 1 });
    expect((await listener.next(1_000, never))?.lines).toHaveLength(1);
  });

  it('is told only what it asked for', async () => {
    const { feed, listen } = open();
    using one = listen({ source: 'stripe' });
    using kinds = listen({ kinds: ['delivery', 'event.dead'] });
    feed.tell('info', 'delivery.accepted', { source: 'stripe' });
    feed.tell('info', 'delivery.accepted', { source: 'github' });
    feed.tell('warn', 'event.dead', { source: 'github' });
    feed.tell('info', 'event.delivered', { source: 'stripe' });
    feed.tell('info', 'deliverymen.came', {});
    const names = async (listener: typeof one) =>
      (await listener.next(0, never))?.lines.map((line) => `${JSON.parse(line).msg} ${JSON.parse(line).source}`);
    expect(await names(one)).toEqual(['delivery.accepted stripe', 'event.delivered stripe']);
    expect(await names(kinds)).toEqual(['delivery.accepted stripe', 'delivery.accepted github', 'event.dead github']);
  });

  it('waits for the next line, and no longer than it wants to', async () => {
    const { clock, feed, listen } = open();
    using listener = listen();
    const waited = listener.next(15_000, never);
    feed.tell('info', 'relay.started', {});
    expect((await waited)?.lines).toHaveLength(1);
    const quiet = listener.next(15_000, never);
    await clock.advance(15_000);
    expect(await quiet).toEqual({ lines: [], dropped: 0 });
    expect(clock.waits()).toEqual([]);
  });

  it('that is slow loses lines and is told how many', async () => {
    const { feed, listen } = open();
    using listener = listen();
    for (let at = 0; at < 700; at++) feed.tell('info', 'delivery.accepted', { at });
    const first = await listener.next(0, never);
    expect(first?.lines).toHaveLength(500);
    expect(first?.dropped).toBe(200);
    feed.tell('info', 'delivery.accepted', {});
    expect(await listener.next(0, never)).toMatchObject({ dropped: 0, lines: [expect.any(String)] });
  });
});

describe('the feed', () => {
  it('takes twenty listeners, and another when one has left', () => {
    const { feed, listen } = open();
    const all = Array.from({ length: feedListenersMax }, () => listen());
    expect(feed.listen({})).toBeNull();
    all[3]?.[Symbol.dispose]();
    expect(feed.listen({})).not.toBeNull();
    expect(feed.listen({})).toBeNull();
  });

  it('ends for all when it is closed, after what was told before', async () => {
    const { feed, listen } = open();
    const [told, waiting] = [listen(), listen({ kinds: ['nothing'] })];
    const end = waiting.next(15_000, never);
    feed.tell('info', 'relay.stopping', {});
    feed.close();
    expect(await end).toBeNull();
    expect((await told.next(15_000, never))?.lines).toHaveLength(1);
    expect(await told.next(15_000, never)).toBeNull();
    expect(feed.listen({})).toBeNull();
  });
});
