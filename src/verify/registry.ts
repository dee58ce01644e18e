/**
 * Every provider we know, by the name used in source.yaml. A further one is one more file in `providers/` that exports
 * `provider`: the folder is the list, so that nothing else has to be told.
 */
import { readdirSync } from 'node:fs';
import type { Provider } from './provider.ts';

const folder = new URL('providers/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));

const known = await Promise.all(
  files.sort().map(async (file) => {
    const { provider } = (await import(new URL(file, folder).href)) as { provider?: Provider };
    if (provider === undefined || `${provider.name}.ts` !== file) {
      throw new Error(`src/verify/providers/${file} must export the provider of that name as \`provider\``);
    }
    return provider;
  }),
);

export const providers: ReadonlyMap<string, Provider> = new Map(known.map((provider) => [provider.name, provider]));
