/**
 * JSON lines (NDJSON): a value in each line, blank ones ignored. The whole is bounded as one array of those values
 * would be; all lines are counted before any is parsed.
 */
import { decodeText } from './json.ts';
import { scanJson, valuesMax } from './json-scan.ts';
import { malformed, type Parsed } from './outcome.ts';

export function parseJsonLines(bytes: Uint8Array): Parsed {
  const budget = { values: valuesMax };
  const objection = eachLine(bytes.length, (at) => bytes[at] as number, scan);
  if (objection !== null) return malformed(objection);
  const text = decodeText(bytes);
  if (text === null) return malformed('the body is not UTF-8');
  const values: unknown[] = [];
  const mistake = eachLine(text.length, (at) => text.charCodeAt(at), parse);
  return mistake === null ? { ok: true, value: values } : malformed(mistake);

  function scan(from: number, to: number): string | null {
    if (--budget.values < 0) return `there are more than ${valuesMax} values`;
    return scanJson(bytes.subarray(from, to), budget);
  }

  function parse(from: number, to: number): string | null {
    try {
      values.push(JSON.parse(text?.slice(from, to) ?? ''));
      return null;
    } catch {
      return 'it is not JSON';
    }
  }
}

const lineFeed = 0x0a;

/** Visits the lines that are not blank, until one is objected to. No list of them is made: there may be a million. */
function eachLine(
  length: number,
  codeAt: (at: number) => number,
  visit: (from: number, to: number) => string | null,
): string | null {
  let number = 1;
  for (let at = 0; at < length; at++) {
    const code = codeAt(at);
    if (code === lineFeed) number++;
    else if (code !== 0x20 && code !== 0x09 && code !== 0x0d) {
      const from = at;
      while (at < length && codeAt(at) !== lineFeed) at++;
      const objection = visit(from, at);
      if (objection !== null) return `line ${number} of the JSON lines is refused: ${objection}`;
      number++;
    }
  }
  return null;
}
