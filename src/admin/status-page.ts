/**
 * `GET /` until the console exists: one page without script that says how the relay is and where the rest stands.
 * Its style is allowed by its hash, everything else is forbidden.
 */
import { createHash } from 'node:crypto';
import type { PrivateHealthReport } from '../observe/health.ts';
import type { SourceItem } from './source-list.ts';

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1.1rem}.state{padding:.6rem 1rem;border-left:.4rem solid #2a7;background:#8882}.warn{border-color:#d80}.fail{border-color:#d33}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .7rem;text-align:left;border-bottom:1px solid #8884}td.n,th.n{text-align:right}code{overflow-wrap:anywhere}`;

export const STATUS_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export type StatusPage = {
  readonly health: PrivateHealthReport;
  readonly sources: readonly SourceItem[];
  readonly sandbox: boolean;
};

export function statusPage(page: StatusPage): string {
  const { health } = page;
  const links = [
    '/health',
    '/metrics',
    '/api/sources',
    '/api/deliveries',
    '/api/dead-letters',
    '/api/replays',
    '/api/refused',
    '/api/openapi.json',
  ];
  if (page.sandbox) links.push('/api/sandbox/events', '/api/sandbox/profiles');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>trackrelay: ${health.status}</title><style>${STYLE}</style></head>
<body>
<main>
<h1>trackrelay ${escaped(health.version)}</h1>
<p class="state ${health.status}" role="status">${escaped(sentence(page))}</p>
${page.sandbox ? '<p><strong>Sandbox:</strong> MIXPANEL_TOKEN is not set, so events go to the built-in sandbox and nowhere else.</p>' : ''}
${sourceTable(page.sources)}
${unmappedTable(page.sources)}
<nav><p>${links.map((link) => `<a href="${link}">${link}</a>`).join(' · ')}</p></nav>
</main>
</body>
</html>
`;
}

/** How the relay is, in one sentence. */
export function sentence({ health, sources }: Pick<StatusPage, 'health' | 'sources'>): string {
  if (health.status === 'fail') return health.output ?? 'Webhooks cannot be accepted.';
  const waiting = number(health.checks['buffer:events_waiting']?.[0]?.observedValue);
  const waits = waiting === 1 ? '1 event waits' : `${waiting} events wait`;
  const reasons: string[] = [];
  for (const [name, { state, last_error: error }] of Object.entries(health.destinations)) {
    const verb = state === 'paused' ? 'refuses us' : 'does not answer as it should';
    if (state !== 'ok') reasons.push(`${name} ${verb}${error === null ? '' : ` (${error.message})`}`);
  }
  for (const source of sources) {
    if (source.status !== 'pass') reasons.push(`${source.name}: ${source.reasons.join(', ')}`);
  }
  const oldest = health.checks['buffer:oldest_waiting_seconds']?.[0];
  if (oldest?.status === 'warn')
    reasons.push(`the oldest event waits for ${Math.round(number(oldest.observedValue) / 60)} minutes`);
  const letters = health.checks['dead_letters:count']?.[0];
  if (letters?.status === 'warn') reasons.push('dead letters were added in the last hour');
  if (reasons.length === 0) return `Webhooks are accepted and events are delivered; ${waits}.`;
  return `Webhooks are accepted, ${waits}. To look at: ${reasons.join('; ')}.`;
}

function sourceTable(sources: readonly SourceItem[]): string {
  if (sources.length === 0) {
    return '<p>No source yet: make a folder with a <code>source.yaml</code> and a <code>mapping.jsonata</code> in RELAY_MAPPINGS_DIR.</p>';
  }
  const counts = ['accepted', 'duplicates', 'skipped', 'delivered', 'waiting', 'map_failed', 'dead'] as const;
  const rows = sources.map((source) => {
    const cells = counts.map((name) => `<td class="n">${source.counts?.[name] ?? '–'}</td>`).join('');
    const state = source.status === 'pass' ? source.state : `${source.state}, ${source.status}`;
    return `<tr><th scope="row">${escaped(source.name)}</th><td>${escaped(state)}</td><td><code>${escaped(source.url)}</code></td>${cells}</tr>`;
  });
  const heads = counts.map((name) => `<th scope="col" class="n">${name.replace('_', ' ')}</th>`).join('');
  return `<div class="scroll"><table>
<thead><tr><th scope="col">source</th><th scope="col">state</th><th scope="col">URL to register</th>${heads}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

/** Rows of a page that is read at a glance; the API has the rest. */
const UNMAPPED_SHOWN = 20;

function unmappedTable(sources: readonly SourceItem[]): string {
  const all = sources.flatMap(({ name, unmapped }) => unmapped.map((one) => ({ name, ...one })));
  if (all.length === 0) return '';
  all.sort((a, b) => b.skipped + b.failed - (a.skipped + a.failed));
  const rows = all.slice(0, UNMAPPED_SHOWN).map((one) => {
    const cells = [one.name, one.type ?? '–', one.last_delivery, one.last_at].map(
      (text) => `<td>${escaped(text)}</td>`,
    );
    cells.splice(2, 0, `<td class="n">${one.skipped}</td>`, `<td class="n">${one.failed}</td>`);
    return `<tr>${cells.join('')}</tr>`;
  });
  const head = '<th scope="col">source</th><th scope="col">type</th>';
  const counts = '<th scope="col" class="n">skipped</th><th scope="col" class="n">failed</th>';
  return `<h2>What falls through</h2>
<div class="scroll"><table>
<thead><tr>${head}${counts}<th scope="col">last delivery</th><th scope="col">received</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
