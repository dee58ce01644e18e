/** The judge is judged: an oracle that finds nothing wrong must have been able to. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Ledger } from '../../src/destinations/sandbox/ledger.ts';
import { chanceFrom, Oracle } from '../support/oracle.ts';
import type { Answer, Webhook } from '../support/senders.ts';

const answer = (status: number | null, text = ''): Answer => ({ status, head: '', text, tookMs: 1 });

function setting() {
  const oracle = new Oracle(1);
  const ledger = new Ledger({ keep: 'all', copiesMax: 100, bytesMax: 1_000_000 });
  const sandbox = {
    deduped: () => ledger.deduped(),
    state: () => ({ events: ledger.counts }) as never,
  };
  /** As the relay would have mapped and sent it. */
  const arrive = (webhook: Webhook, more: Record<string, unknown> = {}) => {
    const { id, text, filler } = JSON.parse(webhook.body) as { id: string; text: string; filler: string };
    const properties = { time: 1, distinct_id: '', $insert_id: id, id, text, filler: filler.length, ...more };
    ledger.add({ event: 'Numbered', properties }, 1, systemClock.now());
  };
  const sendAccepted = () => {
    const webhook = oracle.make('numbered', 3);
    oracle.told(webhook, answer(200));
    return webhook;
  };
  return { oracle, sandbox, arrive, sendAccepted, found: () => oracle.differences(sandbox).join('\n') };
}

describe('the oracle', () => {
  it('is content when all that was accepted arrived once, copies and lost answers included', () => {
    const { oracle, arrive, sendAccepted, found } = setting();
    const webhook = sendAccepted();
    arrive(webhook);
    arrive(webhook);
    const unanswered = oracle.make('numbered');
    oracle.told(unanswered, answer(null));
    arrive(unanswered);
    oracle.told(oracle.make('numbered'), answer(503));
    expect(found()).toBe('');
  });

  it('misses what was accepted and never arrived, and says the seed', () => {
    const { oracle, sandbox, sendAccepted, found } = setting();
    const { id } = sendAccepted();
    expect(oracle.missing(sandbox)).toBe(1);
    expect(found()).toContain(`${id} was answered 200 and never arrived`);
    expect(found()).toContain('seed 1 ');
  });

  it('sees an event that counts twice after de-duplication', () => {
    const { arrive, sendAccepted, found } = setting();
    const webhook = sendAccepted();
    arrive(webhook);
    arrive(webhook, { time: 2 });
    expect(found()).toContain('counts 2 times');
  });

  it('sees another text, and another length of what was left out', () => {
    const { arrive, sendAccepted, found } = setting();
    arrive(sendAccepted(), { text: 'another' });
    expect(found()).toContain('another body');
    const second = setting();
    second.arrive(second.sendAccepted(), { filler: 4 });
    expect(second.found()).toContain('another body');
  });

  it('sees what nobody sent', () => {
    const { arrive, found } = setting();
    arrive({ source: 'numbered', id: 'x', body: '{"id": "x", "text": "", "filler": ""}' });
    expect(found()).toContain('x arrived and was never sent');
  });

  it('sees what arrived though its sender was told that there is no room', () => {
    const { oracle, arrive, found } = setting();
    const webhook = oracle.make('numbered');
    oracle.told(webhook, answer(503, '{"code":"full"}'));
    arrive(webhook);
    expect(found()).toContain('was told that it was not kept');
  });

  it('sees an event made from a delivery that should give none', () => {
    const { oracle, arrive, sendAccepted, found } = setting();
    arrive(oracle.excuse(sendAccepted()));
    expect(found()).toContain('should not have become an event');
  });

  it('sends the same things again for the same seed', () => {
    expect(new Oracle(7).make('a', 5)).toEqual(new Oracle(7).make('a', 5));
    expect(new Oracle(7).make('a', 5)).not.toEqual(new Oracle(8).make('a', 5));
    expect(chanceFrom(3)()).toBeLessThan(1);
  });
});
