/** Run under the evaluator's own flags: tries everything a broken-out mapping would, and says what came of it. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { confine } from '../../src/mapping/confine.ts';

confine();

const tries: Readonly<Record<string, () => unknown>> = {
  read: () => readFileSync(new URL('./mapping-probe.ts', import.meta.url)),
  readSystem: () => readFileSync('/etc/hostname'),
  write: () => writeFileSync('/tmp/mapping-probe', 'x'),
  spawn: () => spawnSync('/bin/true').error ?? 'spawned',
  worker: () => new Worker('1', { eval: true }),
  code: () => Function('return 1')(),
};

const came: Record<string, string> = { environment: JSON.stringify(process.env) };
for (const [name, attempt] of Object.entries(tries)) {
  try {
    const result = attempt();
    if (result instanceof Error) throw result;
    came[name] = 'allowed';
  } catch (error) {
    came[name] = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
  }
}
try {
  const socket = connect({ host: '127.0.0.1', port: 9 });
  socket.on('error', (error: NodeJS.ErrnoException) => tell(error.code ?? error.name));
  socket.on('connect', () => tell('allowed'));
} catch (error) {
  tell((error as NodeJS.ErrnoException).code ?? (error as Error).name);
}

function tell(network: string): void {
  process.stdout.write(JSON.stringify({ ...came, network }));
}
