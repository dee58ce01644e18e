/** How the relay is: for orchestrators, people, monitors and programs. */
import { HEALTH_CONTENT_TYPE, healthStatusCode, type PrivateHealthReport } from '../../observe/health.ts';
import type { AdminDeps, Bounded } from '../deps.ts';
import { openApi } from '../openapi.ts';
import type { Routes } from '../router.ts';
import { sourceItems } from '../source-list.ts';
import { statusPage } from '../status-page.ts';

type Ids = 'alive' | 'ready' | 'page' | 'health' | 'metrics' | 'openapi' | 'sources';

const RETRY_AFTER_SECONDS = 5;

export function statusRoutes(
  deps: AdminDeps,
  { bounded, jsonText }: { readonly bounded: Bounded; readonly jsonText: (body: unknown) => string },
): Pick<Routes, Ids> {
  const items = (health: PrivateHealthReport) =>
    sourceItems({ sources: deps.sources(), health: health.sources, publicUrl: deps.publicUrl() });
  const document = openApi();
  return {
    alive: () => ({ text: 'ok\n', type: 'text/plain' }),
    ready: () =>
      deps.ready()
        ? { text: 'ok\n', type: 'text/plain' }
        : { text: 'not ready\n', type: 'text/plain', status: 503, retryAfter: RETRY_AFTER_SECONDS },
    page: async () => {
      const health = await bounded(deps.health());
      const page = { health, sources: items(health), sandbox: deps.sandbox !== null };
      return { text: statusPage(JSON.parse(jsonText(page))), type: 'text/html' };
    },
    health: async () => {
      const report = await bounded(deps.health());
      return { json: report, status: healthStatusCode(report), type: HEALTH_CONTENT_TYPE };
    },
    metrics: async () => {
      const { contentType, text } = await bounded(deps.metrics());
      return { text, type: contentType };
    },
    openapi: () => ({ json: document, unmasked: true }),
    sources: async () => ({ json: { items: items(await bounded(deps.health())), next: null } }),
  };
}
