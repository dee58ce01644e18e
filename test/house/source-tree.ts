/** Reads src/ for the house rules: files, their imports, their text. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export type SourceFile = {
  /** From the root, with slashes: `src/intake/receive.ts`. */
  readonly path: string;
  /** `intake`; `.` for the files directly in src/. */
  readonly room: string;
  readonly text: string;
  readonly lines: number;
  /** Import specifiers; own files as paths from the root, packages by name. */
  readonly imports: readonly string[];
};

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

function importsOf(path: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]/g)].map(
    (m) => m[1],
  );
  const dynamic = [...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)].map((m) => m[1]);
  const bare = [...text.matchAll(/(?:^|\n)import\s+['"]([^'"]+)['"]/g)].map((m) => m[1]);
  return [...specifiers, ...dynamic, ...bare].map((specifier) => {
    const name = specifier as string;
    return name.startsWith('.') ? posix.normalize(posix.join(dirname(path), name)) : name;
  });
}

export function filesBelow(folder: string): readonly SourceFile[] {
  return walk(join(root, folder)).map((absolute) => {
    const path = relative(root, absolute);
    const text = readFileSync(absolute, 'utf8');
    const parts = path.split('/');
    const room = parts.length > 2 ? (parts[1] as string) : '.';
    return { path, room, text, lines: text.split('\n').length - 1, imports: importsOf(path, text) };
  });
}
