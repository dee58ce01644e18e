/** `try --relay`: a running relay maps, with its settings, its keys and its destinations' rules; nothing is kept there. */
import { isUtf8 } from 'node:buffer';
import { UsageError } from '../errors.ts';
import type { FailureReason, MapFailure } from '../mapping/program.ts';
import type { TriedPayload } from '../mapping/trial.ts';
import { wordsOf } from './api.ts';
import type { Completed } from './completed.ts';
import type { Tried } from './mapping-try.ts';
import { askPreview, type PreviewAt } from './preview.ts';
import type { Trier } from './try.ts';

type Made = {
  readonly events: readonly Completed[];
  readonly broken: readonly { readonly output: number; readonly rule: string; readonly message: string }[];
  readonly left_out: number;
};
type Failed = Omit<MapFailure, 'ok'> & { readonly code: string };

/** The relay tries eight mappings at once, for all who ask. */
const AT_ONCE = 4;

export function relayTrier(options: PreviewAt & { readonly path: string; readonly text: string }) {
  const { path, text } = options;
  const ask = async (asked: object): Promise<Tried> => {
    const { status, json } = await askPreview({ mapping: text, ...asked }, options);
    if (status === 200) return madeOf(json as Made);
    if (status === 422) return { events: [], broken: [], failure: failureOf(json as Failed) };
    throw new UsageError([wordsOf(json, status)], 1);
  };
  const trier: Trier & { tryDelivery(id: string): Promise<Tried> } = {
    ...{ path, text },
    tryAll: async (payloads) => {
      const tried: Tried[] = [];
      for (let from = 0; from < payloads.length; from += AT_ONCE) {
        const piece = payloads.slice(from, from + AT_ONCE);
        tried.push(...(await Promise.all(piece.map((payload) => ask(bodyOf(payload))))));
      }
      return tried;
    },
    tryDelivery: (delivery) => ask({ delivery }),
    verdict: () =>
      `not checked (the relay only mapped it; trackrelay explain FILE --source ${options.source} checks it)`,
  };
  return trier;
}

/** Byte for byte, so that the relay reads what this program would read. */
function bodyOf({ body, headers, query }: TriedPayload) {
  const plain = isUtf8(body);
  const text = Buffer.from(body).toString(plain ? 'utf8' : 'base64');
  return { body: text, ...(plain ? null : { body_encoding: 'base64' }), headers, query };
}

function madeOf({ events, broken, left_out: more }: Made): Tried {
  const sentences = broken.map(({ output, rule, message }) => `output ${output}: ${rule}: ${message}`);
  // Shown as broken: who tries it must not take the part for the whole.
  const rest = more > 0 ? [`${more} more events or broken outputs are not shown: the relay shows 1,000`] : [];
  return { events, broken: [...sentences, ...rest], failure: null };
}

/** As this program would say it: the code and the place stand before the words. */
function failureOf({ code, reason, message, line, column }: Failed): MapFailure {
  const place = line === undefined || column === undefined ? null : { line, column };
  const at = place === null ? '' : ` at ${place.line}:${place.column}`;
  const words = code === reason ? message : `${code}${at}: ${message}`;
  return { ok: false, reason: reason as FailureReason, message: words, ...place };
}
