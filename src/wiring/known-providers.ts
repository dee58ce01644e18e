/** The providers as the configuration has to know them: which fields they take, and where their secret comes from. */
import type { KnownProvider } from '../config/provider-rules.ts';
import type { Source } from '../model.ts';
import type { Provider } from '../verify/provider.ts';
import { providers } from '../verify/registry.ts';

export const knownProviders: ReadonlyMap<string, KnownProvider> = new Map(
  [...providers].map(([name, provider]) => [
    name,
    {
      fields: provider.fields ?? [],
      secret: secretOf(provider),
      ...(provider.sandboxSecret && { sandboxSecret: provider.sandboxSecret }),
    },
  ]),
);

/** Everything of a source that nobody else may see. */
export function secretsIn(source: Source): readonly string[] {
  const fields = providers.get(source.provider)?.fields ?? [];
  return [...source.secrets, ...fields.flatMap(({ name, secret }) => (secret ? (source.fields[name] ?? []) : []))];
}

function secretOf({ secretFrom, proof }: Provider): KnownProvider['secret'] {
  return secretFrom ?? (proof?.kind === 'basic' ? 'basic' : 'text');
}
