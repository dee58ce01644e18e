/** From JSONata's errors to lines, columns and sentences. */
import type { Diagnostic } from './program.ts';

export type ExpressionError = {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly position?: unknown;
  readonly token?: unknown;
};

/** The longest sentence passed on: JSONata writes whole values into some of them. */
const MESSAGE_CHARACTERS_MAX = 500;

/** Line and column from 1. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const at = Math.max(0, Math.min(offset, text.length));
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let index = before.indexOf('\n'); index !== -1; index = before.indexOf('\n', index + 1)) line++;
  return { line, column: at - lineStart + 1 };
}

/** JSONata counts to the end of the token; people look for its beginning. */
function tokenStart(text: string, position: number, token: string): number {
  if (token === '' || token === '(end)') return position;
  for (const [before, after] of [
    [token.length, 0],
    [token.length + 1, 1],
    [token.length + 2, 2],
  ] as const) {
    const start = position - before;
    if (start >= 0 && text.slice(start, position - after) === token) return start;
  }
  const near = text.lastIndexOf(token, position);
  return near !== -1 && position - near <= token.length + 3 ? near : position;
}

export function diagnosticOf(text: string, error: unknown): Diagnostic & { readonly placed: boolean } {
  const { code, message, position, token } = (error ?? {}) as ExpressionError;
  const placed = typeof position === 'number' && position > 0;
  const tokenText = typeof token === 'string' || typeof token === 'number' ? String(token) : '';
  const start = placed ? tokenStart(text, position, tokenText) : 0;
  const sentence = typeof message === 'string' && message !== '' ? message : 'The expression failed';
  return {
    code: typeof code === 'string' ? code : 'error',
    message:
      sentence.length > MESSAGE_CHARACTERS_MAX ? `${sentence.slice(0, MESSAGE_CHARACTERS_MAX)}… (cut)` : sentence,
    ...lineAndColumn(text, start),
    token: tokenText.slice(0, 100),
    placed,
  };
}
