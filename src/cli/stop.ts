/** Waiting for Ctrl-C, as commands that keep running do. */

/** Resolves at the first SIGINT or SIGTERM; a second one ends the program at once, as if nobody listened. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
}
