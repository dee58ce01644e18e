/** Relays that share a project, in memory: who sends is said by the test. */
import type { Noted, Sender, Sendership } from '../../src/buffer/sendership.ts';
import type { FakeClock } from './fake-clock.ts';

export type FakeSenders = {
  of(relay: string): Sendership;
  /** From now on this one sends; null: nobody. */
  make(relay: string | null): void;
  /** Nobody hears of anybody; what is noted is heard of later. */
  goAway(): void;
  comeBack(): void;
  readonly notes: readonly string[];
  /** As another version, or nobody, wrote it. */
  write(text: string): void;
  readonly resigned: readonly string[];
};

export function createFakeSenders(clock: FakeClock): FakeSenders {
  const listeners = new Set<() => void>();
  const notes: string[] = [];
  const resigned: string[] = [];
  let sender: string | null = null;
  let away = false;
  let noted: { text: string; at: number } | null = null;
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const write = (text: string) => {
    notes.push(text);
    noted = { text, at: clock.monotonic() };
  };
  return {
    ...{ notes, resigned, write },
    of: (relay) => ({
      relay,
      sender(): Sender {
        if (away) return 'unknown';
        return sender === relay ? 'this' : 'another';
      },
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      note(text) {
        if (sender === relay) write(text);
      },
      noted: (): Noted | null => noted && { text: noted.text, ageMs: clock.monotonic() - noted.at },
      async resign() {
        resigned.push(relay);
        if (sender === relay) sender = null;
      },
    }),
    make(relay) {
      sender = relay;
      tell();
    },
    goAway() {
      away = true;
      tell();
    },
    comeBack() {
      away = false;
      tell();
    },
  };
}
