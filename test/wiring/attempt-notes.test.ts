import { expect, it } from 'vitest';
import type { AttemptNote } from '../../src/buffer/reading.ts';
import type { Attempt } from '../../src/forward/hooks.ts';
import { notingAttempts } from '../../src/wiring/attempt-notes.ts';

const attempt = (given: Partial<Attempt> = {}): Attempt => ({
  ...{ batch: 'bat_1', destination: 'mixpanel', events: 2, bytes: 100, status: 500, outcome: 'retry' },
  ...{ reason: 'server_error', message: 'oops', durationMs: 7, attempt: 1, positions: [3, 4] },
  ...given,
});

function noting(noteAttempt: (note: AttemptNote) => Promise<void>) {
  const told: Attempt[] = [];
  const hooks = notingAttempts({ attempt: (one) => void told.push(one) }, { buffer: { noteAttempt }, now: () => 99 });
  return { told, hooks };
}

it('a request that went wrong is noted with its events, and told to the log as before', async () => {
  const notes: AttemptNote[] = [];
  const { told, hooks } = noting(async (note) => void notes.push(note));
  hooks.attempt?.(attempt());
  const { events: _, bytes: _bytes, ...same } = attempt();
  expect(notes).toEqual([{ ...same, at: 99 }]);
  expect(told).toEqual([attempt()]);
});

it('a request that went well at once is only told', () => {
  const { told, hooks } = noting(() => expect.unreachable('nothing to note'));
  hooks.attempt?.(attempt({ outcome: 'delivered', positions: [] }));
  expect(told).toHaveLength(1);
});

it('a note that fails hurts nobody', async () => {
  const { hooks } = noting(async () => Promise.reject(new Error('full')));
  hooks.attempt?.(attempt());
  await new Promise((resolve) => setImmediate(resolve));
});
