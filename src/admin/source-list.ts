/** `/api/sources`: what is configured, where providers send to, how each source is. Takes from a Source only what is no secret. */
import { formatDuration, formatRate } from '../config/kinds.ts';
import { withoutCredentials } from '../config/shown.ts';
import type { Source } from '../model.ts';
import type { HealthStatus, SourceStatus } from '../observe/health.ts';
import { type SourceHealth, sourceReasons, sourceStatusOf, type UnmappedHealth } from '../observe/health-parts.ts';

/** A configured source; `source` is null when its folder never loaded. */
export type ListedSource = { readonly status: SourceStatus; readonly source: Source | null };

export type SourceItem = {
  readonly name: string;
  readonly provider: string | null;
  /** To register at the provider; a key in it shows as `<key>`. */
  readonly url: string;
  readonly status: HealthStatus;
  readonly reasons: readonly string[];
  readonly state: 'open' | 'closed';
  readonly revision: string | null;
  readonly missing: readonly string[];
  readonly limits: { readonly accept: string; readonly forward: string | null } | null;
  readonly tolerance: string | null;
  readonly keep: Source['keep'] | null;
  readonly destinations: readonly string[];
  readonly counts: Omit<SourceHealth, 'status' | 'reasons' | 'unmapped'> | null;
  readonly unmapped: readonly UnmappedHealth[];
};

export type SourceItemsOptions = {
  readonly sources: readonly ListedSource[];
  readonly health: Readonly<Record<string, SourceHealth>>;
  /** RELAY_PUBLIC_URL, or the public listener's own address; without a slash at its end. */
  readonly publicUrl: string;
};

export function sourceItems({ sources, health, publicUrl }: SourceItemsOptions): readonly SourceItem[] {
  return sources.map(({ status, source }) => ({
    name: status.name,
    provider: status.provider,
    url: urlToRegister(status.name, source, publicUrl),
    status: sourceStatusOf(status),
    reasons: [...sourceReasons(status), ...(status.remarks ?? [])],
    state: source === null || status.missing.length > 0 ? 'closed' : 'open',
    revision: status.revision,
    missing: status.missing,
    limits: source === null ? null : limitsOf(source),
    tolerance: source?.toleranceMs == null ? null : formatDuration(source.toleranceMs),
    keep: source?.keep ?? null,
    destinations: source?.destinations ?? [],
    counts: countsOf(health[status.name]),
    unmapped: health[status.name]?.unmapped ?? [],
  }));
}

function limitsOf({ limits }: Source): SourceItem['limits'] {
  return { accept: formatRate(limits.accept), forward: limits.forward === null ? null : formatRate(limits.forward) };
}

function countsOf(health: SourceHealth | undefined): SourceItem['counts'] {
  if (health === undefined) return null;
  const { status: _status, reasons: _reasons, unmapped: _unmapped, ...counts } = health;
  return counts;
}

function urlToRegister(name: string, source: Source | null, publicUrl: string): string {
  const own = source?.url ?? null;
  if (own !== null) return withoutKeys(own, source?.verify ?? null);
  const verify = source?.verify ?? null;
  const key = verify?.kind === 'path_key' ? '/<key>' : '';
  const query = verify?.kind === 'token' && 'query' in verify ? `?${encodeURIComponent(verify.query)}=<key>` : '';
  return `${publicUrl}/hooks/${name}${key}${query}`;
}

function withoutKeys(url: string, verify: Source['verify']): string {
  const [path = '', query] = withoutCredentials(url).split('?', 2);
  if (query === undefined) return path;
  const keyName = verify?.kind === 'token' && 'query' in verify ? verify.query : null;
  const fields = query.split('&').map((field) => {
    const [name = ''] = field.split('=', 1);
    // Names that usually carry a key are masked whatever the scheme.
    const secret = name === keyName || /key|token|secret|sig|pass|auth/i.test(name);
    return secret ? `${name}=<key>` : field;
  });
  return `${path}?${fields.join('&')}`;
}
