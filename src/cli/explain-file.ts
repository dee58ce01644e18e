/** A payload in a file, as if it had just been posted to a source: proof, dedupe, parse, mapping, rules. */
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { destinationsOf } from '../config/destinations-file.ts';
import { UsageError } from '../errors.ts';
import { mayAskForPseudonyms } from '../mapping/pseudonym.ts';
import { createRunner } from '../mapping/runner.ts';
import { pretender, requestOf, type TriedPayload } from '../mapping/trial.ts';
import type { Source } from '../model.ts';
import { described } from '../verify/described.ts';
import { diagnose } from '../verify/diagnosis.ts';
import { providers } from '../verify/registry.ts';
import { shapeOf } from '../wiring/destinations.ts';
import { pseudonymKeyOf } from '../wiring/sources.ts';
import { eventLine, readsLine } from './explain-payload.ts';
import type { Explained, ExplainedStep } from './explain-steps.ts';
import { readBytes } from './files.ts';
import { tryPayloads } from './mapping-try.ts';
import type { Output } from './output.ts';
import { readPayload } from './payload-file.ts';
import { settingsHere } from './settings.ts';
import { isSandbox, openSource, parserFor } from './sources.ts';
import { troubleExcerpt, troubleHead } from './trouble.ts';
import { loadProgram } from './try.ts';

export type FileAsked = { readonly file: string; readonly source: string; readonly headers: string | undefined };

const EVENTS_SHOWN = 50;

export async function explainFile({ file, source: name, headers }: FileAsked, output: Output): Promise<Explained> {
  const settings = settingsHere();
  const { source, folder } = await openSource(name, settings, parserFor(settings, 'sandbox'));
  const payload = await readPayload(file, headers);
  const mappingFile = join(folder, 'mapping.jsonata');
  const text = (await readBytes(mappingFile)).toString('utf8');
  const asked = [text, source.deliveryId ?? ''].some(mayAskForPseudonyms);
  const pseudonymKey = asked ? pseudonymKeyOf(settings, isSandbox(settings)) : null;
  await using runner = createRunner({ clock: systemClock, pseudonymKey });
  const diagnosis = diagnose(source, requestOf(source, payload), systemClock.now(), { publicUrl: settings.publicUrl });
  const { key } = await pretender(source, runner)(payload, systemClock.now());
  const steps: ExplainedStep[] = [
    verifiedStep(diagnosis.verified, diagnosis.reason),
    ...diagnosis.steps.map((one) => ({ ...one, step: `  ${one.step}` })),
    dedupeStep(source, key),
    parsedStep(source, payload),
  ];
  const program = await loadProgram(mappingFile, text, runner, output);
  if (program === null) throw new UsageError([`${mappingFile} does not compile`], 1);
  steps.push({ step: 'reads', ok: null, text: readsLine(text) });
  const shape = shapeOf(destinationsOf(settings, 'names'));
  const [tried] = await tryPayloads({ source, program, runner, shape, clock: systemClock }, [payload]);
  if (tried === undefined) throw new Error('the evaluator gave no result');
  const { events, broken, failure } = tried;
  let excerpt: readonly string[] = [];
  if (failure !== null) {
    const { line, column, message, reason } = failure;
    const place = line === undefined || column === undefined ? null : { file: mappingFile, line, column, message: '' };
    const where = place === null ? mappingFile : troubleHead(place).trimEnd();
    steps.push({ step: 'mapped', ok: false, text: `${where}  ${reason}: ${message}` });
    excerpt = place === null ? [] : troubleExcerpt(text, place, output);
  } else if (events.length + broken.length === 0) {
    steps.push({ step: 'mapped', ok: true, text: 'skipped: the mapping makes no event of it' });
  }
  for (const event of events.slice(0, EVENTS_SHOWN)) steps.push({ step: 'event', ok: true, text: eventLine(event) });
  if (events.length > EVENTS_SHOWN) {
    steps.push({ step: 'event', ok: true, text: `and ${events.length - EVENTS_SHOWN} more` });
  }
  for (const sentence of broken) steps.push({ step: 'rules', ok: false, text: sentence });
  const { verified, causes } = diagnosis;
  return { source: source.name, kind: 'file', of: file, verified, steps, causes, excerpt, next: [] };
}

export function verifiedStep(verified: boolean, reason: string | null): ExplainedStep {
  return { step: 'verified', ok: verified, text: verified ? 'yes' : `no: ${reason}` };
}

export function dedupeStep(source: Pick<Source, 'provider' | 'deliveryId'>, key: string | null): ExplainedStep {
  const provider = providers.get(source.provider);
  const place =
    source.deliveryId === null
      ? provider === undefined
        ? null
        : described(provider).delivery_id
      : source.deliveryId === 'body'
        ? 'the bytes of the body'
        : 'delivery_id of source.yaml';
  if (key !== null) {
    return { step: 'dedupe', ok: true, text: `${key} (${place}): one that comes again with it is a duplicate` };
  }
  const text = place === null ? 'it has no id of its own' : `there is none at ${place}`;
  return { step: 'dedupe', ok: null, text: `${text}: every request is a delivery of its own` };
}

function parsedStep(source: Source, payload: TriedPayload): ExplainedStep {
  const type = payload.headers['content-type'] ?? 'no content type';
  const bytes = `${payload.body.length.toLocaleString('en-US')} bytes`;
  const ok = requestOf(source, payload).parsed() !== undefined;
  return { step: 'parsed', ok, text: `${type}, ${bytes}${ok ? '' : ': it is not what its content type says'}` };
}
