/** For tests of the command line: mappings folders (a whole small source, and changes to it), and commands called directly. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from '../../src/cli/program.ts';
import { UsageError } from '../../src/errors.ts';

export const goodFiles: Readonly<Record<string, string>> = {
  'shop/source.yaml': `provider: stripe\nsecret: \${SHOP_SECRET}\n`,
  'shop/mapping.jsonata': `{
  "event": "Paid",
  "properties": { "amount": amount, "distinct_id": who, "time": created }
}\n`,
  'shop/cases/paid.payload.json': '{"id":"evt_12345678","type":"paid","amount":42,"who":"u1","created":1700000000}\n',
  'shop/cases/paid.expected.json':
    '[{"event":"Paid","properties":{"amount":42,"distinct_id":"u1","time":1700000000000}}]\n',
};

/** Writes the files; a text of `null` leaves one out. Gives the folder. */
export function writeMappings(folder: string, changes: Readonly<Record<string, string | null>> = {}): string {
  const mappings = join(folder, 'mappings');
  for (const [file, text] of Object.entries({ ...goodFiles, ...changes })) {
    if (text === null) continue;
    mkdirSync(dirname(join(mappings, file)), { recursive: true });
    writeFileSync(join(mappings, file), text);
  }
  return mappings;
}

export type Said = { readonly code: number; readonly out: string; readonly err: string };

/** A command in this process: what it would print, and its exit code. Starting the program each time takes longer. */
export async function call(command: (context: Context) => Promise<number> | number, json = false): Promise<Said> {
  const said = { out: '', err: '' };
  const add = (to: 'out' | 'err', line: string) => {
    said[to] += `${line}\n`;
  };
  const output: Context['output'] = {
    result: (line) => add('out', line),
    json: (value) => add('out', JSON.stringify(value, null, 2)),
    say: (line) => add('err', line),
    style: (_, text) => text,
  };
  try {
    const code = await command({ output, json });
    return { code, ...said };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { code: error.exitCode, out: said.out, err: said.err + error.problems.join('\n') };
  }
}
