/**
 * How commands speak: results on stdout, talk on stderr, colours only where a person looks and NO_COLOR is not set.
 */
import { styleText } from 'node:util';
import { environment } from '../config/environment.ts';

export type Output = {
  /** One line of result. */
  result(line: string): void;
  /** The result as JSON, stable between versions. */
  json(value: unknown): void;
  /** One line of talk. */
  say(line: string): void;
  style(format: Style, text: string): string;
};

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export function createOutput(
  streams: { out: NodeJS.WriteStream; err: NodeJS.WriteStream } = { out: process.stdout, err: process.stderr },
): Output {
  // `trackrelay try … | head`: whoever read has enough, so there is nothing more to do.
  streams.out.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const plain = Boolean(environment().NO_COLOR) || environment().TERM === 'dumb' || !streams.out.isTTY;
  return {
    result: (line) => void streams.out.write(`${line}\n`),
    json: (value) => void streams.out.write(`${JSON.stringify(value, null, 2)}\n`),
    say: (line) => void streams.err.write(`${line}\n`),
    style: (format, text) => (plain ? text : styleText(format, text, { validateStream: false })),
  };
}

/** A table with columns as wide as they need to be; the last column is not padded. */
export function table(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => visible(row[column] ?? ''))));
  return rows.map(
    (row) =>
      indent +
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - visible(cell)),
        )
        .join('  ')
        .trimEnd(),
  );
}

/** Length without colour codes. */
function visible(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of a colour is a control character.
  return text.replace(/\u001b\[\d+m/g, '').length;
}
