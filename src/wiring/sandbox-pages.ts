/**
 * `/api/sandbox/events`: what the sandbox holds after Mixpanel's de-duplication; `/api/sandbox/profiles`: profiles and groups after
 * their updates. Newest first, by cursor.
 */
import type { SandboxAccess } from '../admin/deps.ts';
import type { Page, PageRequest } from '../buffer/contract.ts';
import type { Sandbox } from '../destinations/sandbox/sandbox.ts';

export function sandboxPages(sandbox: Sandbox): SandboxAccess {
  return {
    events: async (page) => {
      const { items, next } = pageOf(sandbox.deduped().toReversed(), ({ sequence }) => sequence, page);
      return { items: items.map(({ record }) => record), next };
    },
    profiles: async (page) => pageOf(sandbox.profiles(), ({ changed }) => changed, page),
    clear: async () => sandbox.clear(),
  };
}

function pageOf<T>(newestFirst: readonly T[], numberOf: (item: T) => number, { limit, after }: PageRequest): Page<T> {
  const before = after === undefined ? Number.POSITIVE_INFINITY : Number(after);
  const left = newestFirst.filter((item) => numberOf(item) < before);
  const items = left.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last && left.length > items.length ? String(numberOf(last)) : null };
}
