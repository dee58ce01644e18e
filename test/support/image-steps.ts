/** What scripts/image-steps.mjs says of the Dockerfile, and builds when it is given a folder. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export type Stage = {
  readonly name: string;
  readonly from: string;
  readonly env: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly steps: readonly string[];
  readonly described: {
    readonly USER?: string;
    readonly VOLUME?: unknown;
    readonly STOPSIGNAL?: string;
    readonly HEALTHCHECK?: { readonly options: string; readonly command: unknown };
    readonly ENTRYPOINT?: unknown;
    readonly CMD?: unknown;
  };
  /** Where its file system is, once it was built. */
  readonly root?: string;
};
export type ImageReport = { readonly stages: readonly Stage[]; readonly image: Stage };

export function imageSteps(...words: string[]): ImageReport {
  const script = join(import.meta.dirname, '../../scripts/image-steps.mjs');
  const ran = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8', timeout: 120_000 });
  if (ran.status !== 0) throw new Error(`image-steps ended with ${ran.status ?? ran.signal}:\n${ran.stderr}`);
  return JSON.parse(ran.stdout) as ImageReport;
}
