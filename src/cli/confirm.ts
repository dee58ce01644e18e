/** A question before something is done that cannot be taken back; only where a person can answer. */
import { createInterface } from 'node:readline/promises';

export type Confirm = (question: string) => Promise<boolean>;

/** Without a terminal nobody is asked: who runs it in a script has decided. */
export async function confirmAtTerminal(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
