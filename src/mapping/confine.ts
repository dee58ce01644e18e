/**
 * What the evaluator may do: nothing but compute. The flags take network, files, children, workers, add-ons and text
 * that becomes code; `confine` then gives back the one right that was needed to start, reading its own modules.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Megabytes of heap. A 1 MiB body takes about 10 when parsed; the rest of the room is for what a mapping builds. */
const HEAP_MEGABYTES = 96;

export function confinedArguments(entry: string, readable: readonly string[] = readablePaths()): string[] {
  return [
    '--permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    '--disallow-code-generation-from-strings',
    '--no-addons',
    '--no-warnings',
    `--max-old-space-size=${HEAP_MEGABYTES}`,
    entry,
  ];
}

/**
 * This package's sources, and wherever its dependencies may be installed: each place that is looked into on the way (being
 * refused is not the same as not finding), and where the links of some package managers lead.
 */
export function readablePaths(): string[] {
  const sources = fileURLToPath(new URL('../', import.meta.url));
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url));
  const { resolve } = createRequire(import.meta.url);
  const looked = (resolve.paths('jsonata') ?? []).filter((path) => path.endsWith(`${sep}node_modules`));
  return [...new Set([sources, manifest, ...looked, dirname(dirname(resolve('jsonata/package.json')))])];
}

/** After the last import. From here on not even this file can be read again. */
export function confine(): void {
  const { permission } = process as { permission?: { drop?: (scope: string) => void } };
  if (permission?.drop === undefined) throw new Error('the evaluator must be started with --permission');
  permission.drop('fs.read');
}
