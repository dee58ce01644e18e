/** The log for somebody who looks at a terminal: the same lines, readable. Input is one line of our JSON. */
import { styleText } from 'node:util';

type Fields = Readonly<Record<string, unknown>>;
type Paint = (style: 'green' | 'yellow' | 'red' | 'dim' | 'bold', text: string) => string;

export function prettyLine(json: string, colours: boolean): string {
  let fields: Fields;
  try {
    fields = JSON.parse(json) as Fields;
  } catch {
    return json;
  }
  // The caller decides about colours, not the stream that styleText would look at.
  const paint: Paint = (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text);
  const { time, level, msg, ...rest } = fields;
  const clock = typeof time === 'string' ? time.slice(11, 19) : '';
  const mark = markOf(String(level), paint);
  return `${paint('dim', clock)} ${mark}${story(String(msg), rest, paint)}\n`;
}

function markOf(level: string, paint: Paint): string {
  if (level === 'warn') return paint('yellow', '! ');
  return level === 'error' || level === 'fatal' ? paint('red', '✗ ') : '  ';
}

/** `200 stripe dlv_… charge.succeeded → 1 event  6 ms`, or the name and its fields. */
function story(line: string, fields: Fields, paint: Paint): string {
  const { status, source, destination, delivery, batch, type, events, duration_ms: took, message, ...rest } = fields;
  const parts: string[] = [];
  const add = (value: unknown, width = 0) => {
    if (value !== undefined && value !== null) parts.push(String(value).padEnd(width));
  };
  if (typeof status === 'number') parts.push(paint(status < 300 ? 'green' : 'red', String(status)));
  add(source, 8);
  if (destination !== undefined) add(`⇡ ${destination}`);
  add(delivery ?? batch);
  add(type);
  if (typeof events === 'number') parts.push(`→ ${events} ${events === 1 ? 'event' : 'events'}`);
  parts.unshift(paint('bold', line.padEnd(18)));
  add(message);
  for (const [name, value] of Object.entries(rest)) {
    parts.push(paint('dim', `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`));
  }
  if (typeof took === 'number') parts.push(paint('dim', ` ${Math.round(took)} ms`));
  return parts.join(' ');
}
