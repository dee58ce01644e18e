/** A payload with the headers and query that lie beside it, as `try` and `explain` read it. */
import type { TriedPayload } from '../mapping/trial.ts';
import { readHeadersFile, readInput, readQueryFile } from './files.ts';
import { contentTypeOf } from './payload.ts';
import { fileBeside } from './sources.ts';

/** `-` is stdin, which has nothing beside it. */
export async function readPayload(path: string, headersFile: string | undefined): Promise<TriedPayload> {
  const body = await readInput(path);
  const beside = headersFile ?? (path === '-' ? null : await fileBeside(path, 'headers'));
  const headers = beside === null ? {} : await readHeadersFile(beside);
  const queryFile = path === '-' ? null : await fileBeside(path, 'query');
  const query = queryFile === null ? {} : await readQueryFile(queryFile);
  return { body, headers: { 'content-type': contentTypeOf(path, body), ...headers }, query };
}
