/** Lets a loop sleep until something happens. A ring before the sleep is not lost: the next sleep ends at once. */
import type { Clock } from '../clock.ts';

/** Without a reason of ours every ring would make an error with a stack. */
const RUNG = 'rung';

export type Bell = {
  ring(): void;
  /** Resolves after `ms` or at the next ring. For one sleeper. */
  sleep(ms: number): Promise<void>;
};

export function createBell(clock: Clock): Bell {
  let rung = false;
  let sleeper: AbortController | null = null;
  return {
    ring() {
      rung = true;
      sleeper?.abort(RUNG);
    },
    async sleep(ms) {
      if (!rung) {
        sleeper = new AbortController();
        await clock.wait(ms, sleeper.signal);
        sleeper = null;
      }
      rung = false;
    },
  };
}
