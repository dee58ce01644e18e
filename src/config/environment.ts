/**
 * The one place that reads the environment. Everything else is handed it, so that tests can make one up.
 * A variable set to the empty text counts as unset everywhere: that is what `NAME=` in a compose file means.
 */
import { readFileSync, statSync } from 'node:fs';

export type Environment = Readonly<Record<string, string | undefined>>;

export function environment(): Environment {
  return process.env;
}

export function setText(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === '' ? undefined : value;
}

/** A secret is a line or a key, never more: what is larger is the wrong file. */
const SECRET_FILE_BYTES_MAX = 65_536;

export type SecretFile =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: string };

/** The content of a file named by `NAME_FILE`, without the newline at its end. Only regular files: a pipe may never end. */
export function readSecretFile(path: string): SecretFile {
  try {
    const status = statSync(path);
    if (!status.isFile()) return { ok: false, problem: 'is not a regular file' };
    if (status.size > SECRET_FILE_BYTES_MAX) return { ok: false, problem: 'is larger than a secret (64 KiB)' };
    const value = readFileSync(path, 'utf8').replace(/[\r\n]+$/, '');
    return value === '' ? { ok: false, problem: 'is empty' } : { ok: true, value };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const words: Record<string, string> = {
      ENOENT: 'does not exist',
      EACCES: 'may not be read',
      EPERM: 'may not be read',
    };
    return { ok: false, problem: words[code] ?? `cannot be read (${code})` };
  }
}

/**
 * What `${NAME}` in a source.yaml stands for: the variable NAME, or the content of the file NAME_FILE names.
 * Undefined: neither is there, and the source that asks stays closed. Read anew at each call, so that a rotated
 * secret file needs no restart.
 */
export function lookupVariable(name: string, env: Environment = environment()): string | undefined {
  const direct = setText(env, name);
  if (direct !== undefined) return direct;
  const path = setText(env, `${name}_FILE`);
  if (path === undefined) return undefined;
  const file = readSecretFile(path);
  return file.ok ? file.value : undefined;
}
