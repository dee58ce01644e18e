/** `providers`: what a source can name, how sure we are of it, and where the vendor describes it. */
import { didYouMean } from '../config/nearest.ts';
import { shown } from '../config/shown.ts';
import { UsageError } from '../errors.ts';
import { confidenceInWords, type Described, described } from '../verify/described.ts';
import { providers } from '../verify/registry.ts';
import { type Output, table } from './output.ts';
import type { Context } from './program.ts';

export function showProviders(name: string | null, { output, json }: Context): number {
  if (name !== null) return showOne(name, output, json);
  const known = [...providers.values()].map(described);
  if (json) output.json(known);
  else {
    const head = ['NAME', 'VENDOR', 'PROOF', 'CONFIDENCE'].map((title) => output.style('dim', title));
    const rows = known.map((one) => [output.style('bold', one.name), one.label, one.proof, one.confidence]);
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
  output.result(`${output.style('bold', provider.name)}  ${provider.label}`);
  for (const line of table([...rowsOf(one), ['confidence', confidenceInWords(provider)], ['docs', one.docs]], '  ')) {
    output.result(line);
  }
  return 0;
}

function rowsOf(one: Described): string[][] {
  return [
    ['url goes to', one.register],
    ['secret', one.secret],
    ...one.fields.map(({ name, required, what }) => [name, `${what}${required ? '' : ' (may be left out)'}`]),
    ['proof', one.proof],
    ['signed', one.signed ?? '–'],
    ['tolerance', one.tolerance_seconds === null ? 'no time is signed' : `${one.tolerance_seconds} s both ways`],
    ['new secret', one.rotation],
    ['delivery id', one.delivery_id ?? 'none: every request is a delivery of its own'],
    ['event type', one.event_type ?? '–'],
    ['event time', one.event_time ?? '–'],
    ['batch', one.batch === null ? 'no' : `one event for each element of ${one.batch}`],
    ['comes by', one.methods.join(', ')],
    ['handshake', one.handshake ?? 'none'],
    ['answer', one.answer ?? '200'],
  ];
}
