/** README's table of providers and the page docs/providers.md, from what the code knows of each provider. */
import type { Described } from '../src/verify/described.ts';
import { described } from '../src/verify/described.ts';
import { providers } from '../src/verify/registry.ts';

const known = [...providers.values()].map(described);
const code = (text: string) => `\`${text.replaceAll('`', '')}\``;
const cell = (text: string) => text.replaceAll('|', '\\|');

/** One line each; the page has the rest. */
export function providersTable(): string {
  const rows = known.map((one) => [
    `[${code(one.name)}](docs/providers.md#${one.name})`,
    one.label,
    one.proof,
    one.batch === null ? '' : 'yes',
    one.handshake === null ? '' : 'yes',
    one.confidence,
  ]);
  const lines = rows.map((row) => `| ${row.map(cell).join(' | ')} |`);
  return ['| provider | sender | proof | batches | handshake | how sure |', '|---|---|---|---|---|---|', ...lines].join(
    '\n',
  );
}

export function providersPage(): string {
  return `${head}\n${known.map(section).join('\n')}`;
}

const head = `# Providers

What to paste where, for each sender the relay knows: \`provider:\` in a source's \`source.yaml\` is the name in the heading.
Written by \`node scripts/readme.ts\` from \`src/verify/providers/\`; the same stands in \`trackrelay providers NAME\`.

The URL to register is \`<RELAY_PUBLIC_URL>/hooks/<source>\`, unless a section says that it ends in a key. A secret is best written as
\`\${NAME}\` and set in the environment, or as \`NAME_FILE\`. While a secret is being changed, write both: \`secrets: [ "\${NEW}", "\${OLD}" ]\`.

How sure: **documented**, the vendor describes the scheme or shows a signed example; **vendor-sdk**, read from or checked against the
vendor's own library; **unconfirmed**, from other sources: look at the first webhooks closely, and tell us.
`;

function section(one: Described): string {
  const lines = [
    ['Where the URL goes', one.register],
    ['Secret', one.secret],
    ...one.fields.map(({ name, required, what }) => [code(name), `${what}${required ? '' : ' (may be left out)'}`]),
    ['New secret', one.rotation],
    ['Proof', one.proof + (one.signed === null ? '; the content is not signed' : `, over ${code(one.signed)}`)],
    ['Window', one.tolerance_seconds === null ? 'no time is signed' : `${one.tolerance_seconds} s both ways`],
    ['Delivery id', one.delivery_id ?? 'none: every request is a delivery of its own'],
    ['Event type', one.event_type ?? 'none'],
    ['Event time', one.event_time === null ? 'not told' : one.event_time],
    ...(one.batch === null ? [] : [['Batch', `one event for each element of ${one.batch}`]]),
    ...(one.methods.length === 1 ? [] : [['Comes by', one.methods.join(', ')]]),
    ...(one.handshake === null ? [] : [['Handshake', one.handshake]]),
    ...(one.answer === null ? [] : [['Answer', one.answer]]),
    ['How sure', `${one.confidence} (${link(one.docs)})`],
  ] as const;
  return [
    `## ${one.name}`,
    '',
    `${one.label}.`,
    '',
    yaml(one),
    '',
    ...lines.map(([name, text]) => `- **${name}**: ${text}`),
    '',
  ].join('\n');
}

function link(docs: string): string {
  return URL.canParse(docs) ? `[${new URL(docs).hostname}](${docs})` : `[README](../${docs})`;
}

/** What to write in source.yaml. */
function yaml({ name, fields, secret_from, url_signed }: Described): string {
  const variable = name.toUpperCase().replaceAll('-', '_');
  const lines = [
    `provider: ${name}`,
    ...(secret_from === 'source.yaml' ? [`secret: \${${variable}_SECRET}`] : []),
    ...fields
      .filter(({ required }) => required)
      .map((field) => `${field.name}: \${${variable}_${field.name.toUpperCase()}}`),
    ...(url_signed
      ? [`url: https://hooks.example.com/hooks/${name}   # as registered, to the letter; or set RELAY_PUBLIC_URL`]
      : []),
    ...(name === 'custom'
      ? ['verify: { hmac: { header: x-acme-signature } }   # or token, basic, path_key: see README']
      : []),
  ];
  return ['```yaml', ...lines, '```'].join('\n');
}
