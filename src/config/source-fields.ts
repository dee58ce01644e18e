/** What may stand in source.yaml, for README; fields of one provider alone are in docs/providers.md. */
import type { SourceFields } from './source-schema.ts';

export const sourceFields: Readonly<Record<Exclude<keyof SourceFields, 'verify'>, string>> = {
  provider: 'Who sends: a name of `trackrelay providers`, or `custom` with `verify`.',
  secret: `What proves the sender; \`\${NAME}\` takes an environment variable or the content of the file that NAME_FILE names.`,
  secrets: 'In place of `secret` while it is rotated: any of up to ten may match.',
  url: 'The URL as it is registered at the provider, where that is signed and is not RELAY_PUBLIC_URL/hooks/SOURCE.',
  tolerance: "Window around a signed time, `5m`; default: the provider's.",
  destination: 'One name or a list: where its events go. Default: the only one there is.',
  keep: '`full`, `masked` or `none`: how a body is kept once it was mapped; default `full`.',
  answer: 'Status of an accepted webhook, 2xx; default: what the provider needs, else 200.',
  weight: 'Its share beside other sources, 1 to 100, while more waits than may go; default 1.',
  limits:
    '`accept: 6000/min` (default 60000/min): over it 429. `forward: 100/s` (default none): over it its events wait.',
  delivery_id: 'Only for `custom`: JSONata that gives the id which stays the same in a retry, or `body`.',
};

/** The table of README: field, meaning. */
export function sourceFieldRows(): readonly (readonly [string, string])[] {
  return Object.entries(sourceFields).map(([field, meaning]) => [`\`${field}\``, meaning]);
}
