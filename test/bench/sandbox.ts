/** A sandbox Mixpanel that keeps only keys, in a program of its own. `node test/bench/sandbox.ts PORT`; prints its URL. */
import { systemClock } from '../../src/clock.ts';
import { createSandbox } from '../../src/destinations/sandbox/sandbox.ts';

const sandbox = createSandbox({ clock: systemClock, keep: 'keys' });
const { url } = await sandbox.listen('127.0.0.1', Number(process.argv[2] ?? 0));
process.stdout.write(`${url}\n`);
