/**
 * A sandbox Mixpanel in a program of its own: `node test/bench/sandbox.ts PORT [all]`; prints its URL. It keeps only keys, or all
 * that came with when it came.
 */
import { systemClock } from '../../src/clock.ts';
import { createSandbox } from '../../src/destinations/sandbox/sandbox.ts';

const sandbox = createSandbox({ clock: systemClock, keep: process.argv[3] === 'all' ? 'all' : 'keys' });
const { url } = await sandbox.listen('127.0.0.1', Number(process.argv[2] ?? 0));
process.stdout.write(`${url}\n`);
