/** `/api/sandbox/events`: what the sandbox holds after Mixpanel's de-duplication, newest first, by cursor. */
import type { SandboxAccess } from '../admin/admin-app.ts';
import type { Sandbox } from '../destinations/sandbox/sandbox.ts';

export function sandboxPages(sandbox: Sandbox): SandboxAccess {
  return {
    events: async ({ limit, after }) => {
      const before = after === undefined ? Number.POSITIVE_INFINITY : Number(after);
      const newestFirst = sandbox
        .deduped()
        .filter((copy) => copy.sequence < before)
        .reverse();
      const page = newestFirst.slice(0, limit);
      const last = page.at(-1);
      return {
        items: page.map((copy) => copy.record),
        next: last && newestFirst.length > page.length ? String(last.sequence) : null,
      };
    },
    clear: async () => sandbox.clear(),
  };
}
