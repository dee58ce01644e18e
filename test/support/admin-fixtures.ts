/** The private port over made-up relays, reached through supertest. */
import request from 'supertest';
import { createAdminApp } from '../../src/admin/admin-app.ts';
import type { AdminDeps } from '../../src/admin/deps.ts';
import { createFeed } from '../../src/observe/feed.ts';
import { privateHealth } from '../../src/observe/health.ts';
import { createMask } from '../../src/observe/mask.ts';
import { checked } from './checked-answers.ts';
import { snapshot, source, sourceStatus, sourceTally, stillClock, tally } from './observe-fixtures.ts';

export const CANARY = 'canary-3e91b7';

export type AdminCalls = { readonly lists: unknown[]; readonly failures: unknown[]; cleared: number };

export function adminDeps(given: Partial<AdminDeps> = {}): { readonly deps: AdminDeps; readonly calls: AdminCalls } {
  const calls: AdminCalls = { lists: [], failures: [], cleared: 0 };
  const mask = createMask();
  mask.hide([CANARY]);
  const page = { items: [], next: '41' };
  const deps: AdminDeps = {
    clock: stillClock(),
    token: null,
    readToken: null,
    attempts: { wrong: () => undefined, overMs: () => 0 },
    mask,
    health: async () =>
      privateHealth(snapshot({ tally: tally({ sources: { stripe: sourceTally({ accepted: 3, delivered: 3 }) } }) })),
    ready: () => true,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'relay_build_info 1\n' }),
    sources: () => [{ status: sourceStatus(), source: source({ secrets: [CANARY] }) }],
    publicUrl: () => 'https://hooks.example.com',
    buffer: {
      delivery: async () => null,
      deadLetter: async () => null,
      deliveries: async (filter, asked) => {
        calls.lists.push(['deliveries', filter, asked]);
        return page;
      },
      deadLetters: async (filter, asked) => {
        calls.lists.push(['dead letters', filter, asked]);
        return page;
      },
    },
    arming: {
      canLearn: () => false,
      pastesBack: () => false,
      arm: async () => 'armed',
      armed: async () => new Map(),
      learnedSecrets: async () => new Map(),
      forgetSecret: async () => false,
    },
    feed: createFeed({ clock: stillClock(), mask }),
    preview: async () => ({ kind: 'unknown_source' }),
    replays: {
      dryRun: async () => ({ dry_run: true, count: 0, sample: [], warnings: [] }),
      start: async () => ({ id: 'rpl_1', count: 0 }),
      cancel: async () => 'unknown',
      record: async () => null,
      records: async () => ({ items: [], next: null }),
    },
    refused: { list: () => ({ items: [], next: null }), one: () => null, verify: async () => null },
    sandbox: null,
    failed: (what, error) => calls.failures.push([what, error]),
    ...given,
  };
  return { deps, calls };
}

export function admin(given: Partial<AdminDeps> = {}) {
  const { deps, calls } = adminDeps(given);
  return { calls, ask: request(checked(createAdminApp(deps))) };
}
