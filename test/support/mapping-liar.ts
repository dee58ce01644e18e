/** An evaluator that says it is ready and answers with garbage. */
import { writeSync } from 'node:fs';
import { frame, frameKind } from '../../src/mapping/frames.ts';

writeSync(1, frame(frameKind.ready));
process.stdin.on('data', () => writeSync(1, 'this is no frame at all'));
