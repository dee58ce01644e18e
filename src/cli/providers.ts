/** `providers`: what a source can name, how sure we are of it, and where the vendor describes it. */
import { didYouMean } from '../config/nearest.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import type { Locator, Provider } from '../verify/provider.ts';
import { providers } from '../verify/registry.ts';
import type { ProofForm, SignedScheme } from '../verify/scheme.ts';
import { type Output, table } from './output.ts';
import type { Context } from './program.ts';

export function showProviders(name: string | null, { output, json }: Context): number {
  if (name !== null) return showOne(name, output, json);
  const known = [...providers.values()];
  if (json) output.json(known.map(described));
  else {
    const head = ['NAME', 'VENDOR', 'PROOF', 'CONFIDENCE'].map((title) => output.style('dim', title));
    const rows = known.map((one) => [output.style('bold', one.name), one.label, proofOf(one.proof), one.confidence]);
    for (const line of table([head, ...rows])) output.result(line);
    output.say('One of them: trackrelay providers stripe. Everything else is `custom`.');
  }
  return 0;
}

function showOne(name: string, output: Output, json: boolean): number {
  const provider = providers.get(name);
  if (provider === undefined) {
    throw new UsageError([`there is no provider ${shown(name)}${didYouMean(name, providers.keys())}`]);
  }
  const one = described(provider);
  if (json) {
    output.json(one);
    return 0;
  }
  const rows = [
    ['secret', one.secret],
    ['proof', one.proof],
    ['signed', one.signed ?? '–'],
    ['delivery id', one.delivery_id ?? '–'],
    ['event type', one.event_type ?? '–'],
    ['handshake', one.handshake ? 'answered by the relay' : 'none'],
    ['confidence', meaningOf[provider.confidence]],
    ['docs', one.docs],
  ];
  output.result(`${output.style('bold', provider.name)}  ${provider.label}`);
  for (const line of table(rows, '  ')) output.result(line);
  return 0;
}

const meaningOf: Record<Provider['confidence'], string> = {
  documented: 'documented: the vendor describes the scheme, or shows a signed example',
  'vendor-sdk': "vendor-sdk: read from, or checked against, the vendor's own library",
  unconfirmed: 'unconfirmed: from other sources; look at the first webhooks closely',
};

function described(provider: Provider) {
  const { name, label, confidence, docs, secret } = provider;
  return {
    name,
    label,
    confidence,
    docs,
    secret,
    proof: proofOf(provider.proof),
    signed: signedOf(provider.proof),
    delivery_id: placesOf(provider.deliveryId),
    event_type: placesOf(provider.eventType),
    handshake: provider.handshake !== undefined || provider.handshakeUnsigned !== undefined,
  };
}

function proofOf(proof: ProofForm | null): string {
  if (proof === null) return 'as source.yaml says';
  if (proof.kind !== 'signature') return proof.kind === 'path_key' ? 'key in the path' : proof.kind;
  return proof.schemes.map((scheme) => `${algorithmsOf(scheme)} in ${scheme.signature.header}`).join(' or ');
}

function algorithmsOf({ digests }: SignedScheme): string {
  const names = digests.map(({ algorithm }) =>
    algorithm === 'ed25519' ? 'Ed25519' : `HMAC-${algorithm.toUpperCase()}`,
  );
  return [...new Set(names)].join('/');
}

/** `{timestamp}.{body}`, as a custom source would write it. */
function signedOf(proof: ProofForm | null): string | null {
  if (proof?.kind !== 'signature') return null;
  const texts = proof.schemes.map(({ message }) =>
    message
      .map((part) => {
        if ('literal' in part) return part.literal;
        return 'header' in part ? `{header:${part.header}}` : `{${Object.keys(part)[0]}}`;
      })
      .join(''),
  );
  return [...new Set(texts)].join('  or  ');
}

function placesOf(locator: Locator): string | null {
  const texts = locator.map((places) =>
    places.map((place) => ('header' in place ? `header ${place.header}` : `body ${place.body}`)).join(' and '),
  );
  return texts.length === 0 ? null : texts.join(', or ');
}
