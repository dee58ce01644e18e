import { describe, expect, it } from 'vitest';
import type { EndpointId } from '../../src/admin/endpoints.ts';
import { endpointIds, endpointOf } from '../../src/admin/endpoints.ts';
import { adminAttempts } from '../../src/wiring/admin-attempts.ts';
import { admin } from '../support/admin-fixtures.ts';
import { createFakeClock, until } from '../support/fake-clock.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const tokens = { token: 'full-token', readToken: 'read-token' };
const ids = (access: string): EndpointId[] => endpointIds.filter((id) => endpointOf(id).access === access);
const pathOf = (id: EndpointId) => endpointOf(id).path.replaceAll(/\{\w+\}/g, 'x');

describe('the token that may only read', () => {
  const { ask } = admin(tokens);
  const readers = ids('reader').filter((id) => endpointOf(id).path !== '/api/feed');

  it.each(readers)('is let in to %s', async (id) => {
    const { method } = endpointOf(id);
    const answer = await ask[method](pathOf(id)).set(bearer('read-token'));
    expect([200, 400, 404, 415]).toContain(answer.status);
  });

  it.each(ids('operator'))('is 403 for %s, before anything of it is looked at', async (id) => {
    const { method } = endpointOf(id);
    const answer = await ask[method](`${pathOf(id)}?nonsense=1`)
      .set(bearer('read-token'))
      .send('no json');
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ code: 'read_only' });
  });

  it.each(ids('operator'))('is not needed for %s by who has the full one', async (id) => {
    const { method } = endpointOf(id);
    expect((await ask[method](pathOf(id)).set(bearer('full-token'))).status).not.toBe(403);
  });

  it('is no token where none is configured', async () => {
    const plain = admin({ token: 'full-token' });
    for (const token of ['read-token', 'null', 'undefined']) {
      expect((await plain.ask.get('/health').set(bearer(token))).status).toBe(401);
    }
  });
});

describe('wrong tokens', () => {
  async function guessing(wrong: number) {
    const clock = createFakeClock();
    const { ask } = admin({ ...tokens, clock, attempts: adminAttempts(clock) });
    const guess = (token: string) => ask.get('/api/sources').set(bearer(token));
    /** Waits until its second has begun, and lets that pass. */
    const slowly = async (token: string) => {
      const answered = guess(token).then((answer) => answer);
      await until(() => clock.waits().includes(1_000), 'the wait');
      await clock.advance(1_000);
      return await answered;
    };
    for (let at = 0; at < wrong; at++) expect((await guess(`wrong-${at}`)).status).toBe(401);
    return { clock, ask, guess, slowly };
  }

  it('are 429 with Retry-After after twenty in a minute, and slow', async () => {
    const { slowly } = await guessing(20);
    const { status, headers, body } = await slowly('wrong');
    expect({ status, code: body.code }).toEqual({ status: 429, code: 'too_many_attempts' });
    expect(Number(headers['retry-after'])).toBe(60);
  });

  it('do not lock out who has a right one, behind the same address', async () => {
    const { slowly } = await guessing(20);
    expect((await slowly('full-token')).status).toBe(200);
    expect((await slowly('read-token')).status).toBe(200);
  });

  it('do not slow anybody down before', async () => {
    const { guess, clock } = await guessing(19);
    expect((await guess('full-token')).status).toBe(200);
    expect(clock.waits()).not.toContain(1_000);
  });

  it('are forgotten after a minute', async () => {
    const { guess, clock } = await guessing(20);
    await clock.advance(60_000);
    expect((await guess('wrong')).status).toBe(401);
    expect((await guess('full-token')).status).toBe(200);
  });

  it('get twenty looks a second at most, however many come at once', async () => {
    const { guess, clock } = await guessing(20);
    const answers: number[] = [];
    const flood = Array.from({ length: 50 }, () => guess('wrong').then(({ status }) => void answers.push(status)));
    await until(() => answers.length === 30, 'those that are not looked at');
    expect(clock.waits().filter((ms) => ms === 1_000)).toHaveLength(20);
    await clock.advance(1_000);
    await Promise.all(flood);
    expect(new Set(answers)).toEqual(new Set([429]));
  });

  it('are counted only where there was one, so that probes and people without any lock nothing', async () => {
    const { ask, guess } = await guessing(0);
    for (let at = 0; at < 30; at++) expect((await ask.get('/health')).status).toBe(401);
    expect((await guess('wrong')).status).toBe(401);
  });
});
