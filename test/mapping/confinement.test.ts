import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { confinedArguments, readablePaths } from '../../src/mapping/confine.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { eventually, isAlive, mapOne, NORMAL } from '../support/mapping.ts';

const support = (file: string) => fileURLToPath(new URL(`../support/${file}`, import.meta.url));
const supportFolder = fileURLToPath(new URL('../support/', import.meta.url));

describe('the evaluator', () => {
  it('can read, write, connect, start and compile nothing, even with code of its own', () => {
    const probe = confinedArguments(support('mapping-probe.ts'), [...readablePaths(), supportFolder]);
    const { stdout, stderr } = spawnSync(process.execPath, probe, { env: {}, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      environment: '{}',
      read: 'ERR_ACCESS_DENIED',
      readSystem: 'ERR_ACCESS_DENIED',
      write: 'ERR_ACCESS_DENIED',
      spawn: 'ERR_ACCESS_DENIED',
      worker: 'ERR_ACCESS_DENIED',
      code: 'EvalError',
      network: 'ERR_ACCESS_DENIED',
    });
  });

  it('has an empty environment', async () => {
    await using runner = createRunner({ clock: systemClock });
    await mapOne(runner, NORMAL);
    for (const pid of runner.state.pids) expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
  });

  it.each(['idle', 'hang'])('ends when the relay is killed (%s)', async (manner) => {
    const relay = spawn(process.execPath, [support('mapping-parent.ts'), manner], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    relay.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await eventually(() => said.endsWith(']'));
    const pids = JSON.parse(said) as number[];
    expect(pids.length).toBe(2);
    expect(pids.every(isAlive)).toBe(true);
    relay.kill('SIGKILL');
    await eventually(() => !pids.some(isAlive));
  });
});
