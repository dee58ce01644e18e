/** A relay to be killed: starts a runner, hangs its evaluator in a mapping, prints its evaluators' process ids. */
import { systemClock } from '../../src/clock.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { eventually, mapOne, NORMAL } from './mapping.ts';

const runner = createRunner({ clock: systemClock, wallMs: 60_000 });
await mapOne(runner, NORMAL);
await eventually(() => runner.state.spareReady);
if (process.argv[2] === 'hang') void mapOne(runner, `$contains("${'a'.repeat(40)}b", /^(a+)+$/)`);
await systemClock.wait(200);
process.stdout.write(JSON.stringify(runner.state.pids));
