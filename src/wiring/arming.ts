/** Arming a source: the store's side, the providers' side, and the log. */
import type { ArmingAccess } from '../admin/routes/arming.ts';
import { providers } from '../verify/registry.ts';
import type { Core } from './core.ts';

export function armingOf(core: Pick<Core, 'buffer' | 'learned' | 'sources' | 'log'>): ArmingAccess {
  const { buffer, learned, log } = core;
  const providerOf = (source: string) => {
    const loaded = core.sources.library.get(source);
    return loaded && providers.get(loaded.source.provider);
  };
  return {
    canLearn: (source) => providerOf(source)?.secretFrom === 'learned',
    pastesBack: (source) => providerOf(source)?.secretIsPastedBack ?? false,
    async arm(source, until) {
      const outcome = await buffer.arm(source, until);
      if (outcome === 'armed') log.info('source.armed', { source, until: new Date(until).toISOString() });
      return outcome;
    },
    armed: (now) => buffer.armed(now),
    learnedSecrets: () => buffer.learnedSecrets(),
    async forgetSecret(source) {
      const forgotten = await learned.forget(source);
      if (forgotten) log.info('source.secret_forgotten', { source });
      return forgotten;
    },
  };
}
