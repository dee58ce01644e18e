/** Mappings tried out by a running relay, as `diff` and `try --relay` ask for it. */
import { systemClock } from '../clock.ts';
import { UsageError } from '../errors.ts';
import { type ApiReply, askApi, wordsOf } from './api.ts';
import type { Trouble } from './trouble.ts';

export type PreviewAt = { readonly source: string; readonly url: string | undefined };

const BUSY_TRIES = 5;
/** A trial takes 5 ms, or up to 600 when it has to be stopped. */
const BUSY_WAIT_MS = 300;

/** A relay that is busy with others' trials says so; it is asked again. */
export async function askPreview(json: object, { source, url }: PreviewAt): Promise<ApiReply> {
  for (let tries = 1; ; tries++) {
    const reply = await askApi({
      method: 'POST',
      url,
      path: `/api/sources/${encodeURIComponent(source)}/preview`,
      json,
    });
    if (reply.status !== 503 || tries === BUSY_TRIES) return reply;
    await systemClock.wait(BUSY_WAIT_MS);
  }
}

/** Where a text is no mapping at all; null: it is one. */
export async function compileTrouble(mapping: string, file: string, at: PreviewAt): Promise<Trouble | null> {
  const { status, json } = await askPreview({ mapping, payload: {} }, at);
  const { code, line, column, message } = (json ?? {}) as {
    code?: string;
    line?: number;
    column?: number;
    message?: string;
  };
  if (status === 404) throw new UsageError([wordsOf(json, status)]);
  if (status === 200 || line === undefined || column === undefined || !/^S\d/.test(code ?? '')) return null;
  return { file, line, column, message: message ?? '', ...(code === undefined ? {} : { code }) };
}
