/** The promise about secrets that arrive in a handshake (`src/buffer/contract.ts`, 9), for any keeper. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BufferKeeper, learnedSecretLengthMax, learnedSourcesMax } from '../../src/buffer/contract.ts';
import { mapped, webhook } from '../support/buffer-fixtures.ts';
import type { Harness } from './keeper.ts';

const minutes = 60_000;

export function keeperLearnsSecrets(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`${name} keeps learned secrets`, () => {
    let harness: Harness;
    let keeper: BufferKeeper;
    let now: () => number;
    beforeEach(async () => {
      harness = await makeHarness();
      keeper = await harness.open();
      now = () => harness.clock.now();
    });
    afterEach(() => harness.remove(keeper));

    it('learns a secret of an armed source, which is then no longer armed', async () => {
      const until = now() + 10 * minutes;
      expect(await keeper.arm('asana', until)).toBe('armed');
      expect(await keeper.armed(now())).toEqual(new Map([['asana', until]]));
      expect(await keeper.learnSecret('asana', 'first', now())).toBe('learned');
      expect(await keeper.learnedSecrets()).toEqual(new Map([['asana', { secret: 'first', learnedAt: now() }]]));
      expect(await keeper.armed(now())).toEqual(new Map());
    });

    it('learns nothing for a source that is not armed, or whose time is over', async () => {
      await keeper.arm('notion', now() + 1);
      expect(await keeper.learnSecret('asana', 'one', now())).toBe('not_armed');
      harness.clock.advance(1);
      expect(await keeper.learnSecret('notion', 'one', now())).toBe('not_armed');
      expect(await keeper.armed(now())).toEqual(new Map());
      expect(await keeper.learnedSecrets()).toEqual(new Map());
    });

    it('takes one of many secrets that come at the same time', async () => {
      await keeper.arm('asana', now() + minutes);
      const secrets = Array.from({ length: 20 }, (_, index) => `secret ${index}`);
      const answers = await Promise.all(secrets.map((secret) => keeper.learnSecret('asana', secret, now())));
      expect(answers.filter((answer) => answer === 'learned')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'has_secret')).toHaveLength(19);
      const winner = secrets[answers.indexOf('learned')];
      expect((await keeper.learnedSecrets()).get('asana')?.secret).toBe(winner);
    });

    it('never learns over an existing secret, and does not arm for it', async () => {
      await keeper.arm('asana', now() + minutes);
      await keeper.learnSecret('asana', 'first', now());
      expect(await keeper.arm('asana', now() + minutes)).toBe('has_secret');
      expect(await keeper.learnSecret('asana', 'second', now())).toBe('has_secret');
      expect((await keeper.learnedSecrets()).get('asana')?.secret).toBe('first');
    });

    it('learns another once the first was forgotten and the source armed again', async () => {
      await keeper.arm('asana', now() + minutes);
      expect(await keeper.forgetSecret('asana')).toBe(false);
      expect(await keeper.learnSecret('asana', 'first', now())).toBe('not_armed');
      await keeper.arm('asana', now() + minutes);
      await keeper.learnSecret('asana', 'first', now());
      expect(await keeper.forgetSecret('asana')).toBe(true);
      expect(await keeper.forgetSecret('asana')).toBe(false);
      expect(await keeper.learnSecret('asana', 'second', now())).toBe('not_armed');
      await keeper.arm('asana', now() + minutes);
      expect(await keeper.learnSecret('asana', 'second', now())).toBe('learned');
      expect((await keeper.learnedSecrets()).get('asana')?.secret).toBe('second');
    });

    it('replaces the time of an earlier arming', async () => {
      await keeper.arm('asana', now() + 10 * minutes);
      await keeper.arm('asana', now() + minutes);
      harness.clock.advance(minutes);
      expect(await keeper.learnSecret('asana', 'late', now())).toBe('not_armed');
    });

    it('keeps what was armed, learned and forgotten through a crash', async () => {
      for (const source of ['armed', 'learned', 'forgotten']) await keeper.arm(source, now() + minutes);
      for (const source of ['learned', 'forgotten']) await keeper.learnSecret(source, 'zeichen ✓', now());
      await keeper.forgetSecret('forgotten');
      keeper = await harness.crashAndReopen(keeper);
      expect([...(await keeper.armed(now())).keys()]).toEqual(['armed']);
      expect(await keeper.learnedSecrets()).toEqual(new Map([['learned', { secret: 'zeichen ✓', learnedAt: now() }]]));
    });

    it('refuses an empty or oversized secret and stays armed for a right one', async () => {
      await keeper.arm('asana', now() + minutes);
      for (const secret of ['', 'x'.repeat(learnedSecretLengthMax + 1)])
        await expect(keeper.learnSecret('asana', secret, now())).rejects.toThrow('characters');
      expect(await keeper.learnSecret('asana', 'x'.repeat(learnedSecretLengthMax), now())).toBe('learned');
    });

    it('arms a bounded number of sources, and those whose time is over make room', async () => {
      for (let from = 0; from < learnedSourcesMax; from += 100)
        await Promise.all(Array.from({ length: 100 }, (_, index) => keeper.arm(`s${from + index}`, now() + minutes)));
      await expect(keeper.arm('one-more', now() + minutes)).rejects.toThrow('at most');
      expect(await keeper.arm('s0', now() + 2 * minutes)).toBe('armed');
      expect((await keeper.armed(now())).size).toBe(learnedSourcesMax);
      harness.clock.advance(minutes);
      expect(await keeper.arm('one-more', now() + minutes)).toBe('armed');
      expect((await keeper.armed(now())).size).toBe(2);
    });

    it('shows a secret in no list and no tally', async () => {
      await keeper.arm('shop', now() + minutes);
      await keeper.learnSecret('shop', 'do-not-show', now());
      await keeper.accept(webhook(harness.clock));
      const next = await keeper.nextDeliveries({ after: 0, limit: 10, bytesMax: 100_000 });
      await keeper.commitMapped(next.map((delivery) => mapped(delivery, 1)));
      const page = { limit: 10 };
      const shown = [await keeper.tally(), await keeper.deliveries({}, page), await keeper.deadLetters({}, page)];
      expect(JSON.stringify(shown)).not.toContain('do-not-show');
    });
  });
}
