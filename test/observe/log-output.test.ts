/** The last line is on standard output though it came while another was being written and nothing follows it. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { root, until } from '../support/program.ts';

/** More than a pipe holds, so that a write is under way until somebody reads; then one last line, and silence. */
const program = `
  import { createLog } from '${root}/src/observe/log.ts';
  import { createMask } from '${root}/src/observe/mask.ts';
  import { systemClock as clock } from '${root}/src/clock.ts';
  const log = createLog({ level: 'info', clock, mask: createMask(), pretty: false, colours: false });
  for (let line = 0; line < 150; line++) log.info('delivery.accepted', { reason: 'x'.repeat(500) });
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
  log.info('relay.started', {});
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
  process.stderr.write('said');
  setTimeout(() => {}, 60_000);
`;

it('shows the last line though the program goes on in silence', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.pause();
  try {
    await new Promise((said) => child.stderr.once('data', said));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stdout.resume();
    await until(() => out.includes('"relay.started"'), 'the last line', 5_000);
    expect(out.split('\n').filter((line) => line.includes('delivery.accepted'))).toHaveLength(150);
  } finally {
    child.kill('SIGKILL');
  }
});
