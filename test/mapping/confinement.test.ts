import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { EvaluatorChild } from '../../src/mapping/child.ts';
import { confinedArguments, readablePaths } from '../../src/mapping/confine.ts';
import { pseudonymOf } from '../../src/mapping/pseudonym.ts';
import { createRunner } from '../../src/mapping/runner.ts';
import { eventually, isAlive, mapOne, NORMAL, source, testFolder } from '../support/mapping.ts';

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

  it('never gets the key of pseudonyms, nor what could only be made with it', async () => {
    const key = 'key-that-stays-with-the-relay';
    const send = vi.spyOn(EvaluatorChild.prototype, 'send');
    await using runner = createRunner({ clock: systemClock, pseudonymKey: key });
    const text = '{"event": $pseudonym(type)}';
    const made = pseudonymOf(key, 'paid');
    expect(await runner.compile(text)).toEqual({ ok: true });
    expect(await mapOne(runner, text)).toMatchObject({ outputs: [{ event: made }] });
    const view = { method: 'POST', headers: {}, query: {}, body: { type: 'paid' } };
    expect(await runner.doorId(source('acme', { deliveryId: '$pseudonym(type)' }), view)).toBe(made);
    const sent = send.mock.calls.map(([bytes]) => bytes.toString('latin1')).join('\n');
    send.mockRestore();
    expect(sent).toContain('$pseudonym(type)');
    const { pids } = runner.state;
    expect(pids.length).toBeGreaterThanOrEqual(2);
    const given = pids.flatMap((pid) =>
      ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')),
    );
    for (const secret of [key, made]) expect([sent, ...given].filter((one) => one.includes(secret))).toEqual([]);
  });

  it('starts where the dependencies are a link, as some package managers make them', async () => {
    await using folder = await testFolder();
    const root = fileURLToPath(new URL('../../', import.meta.url));
    await cp(join(root, 'src'), join(folder.dir, 'src'), { recursive: true });
    await cp(join(root, 'package.json'), join(folder.dir, 'package.json'));
    await symlink(join(root, 'node_modules'), join(folder.dir, 'node_modules'));
    const runnerOf = pathToFileURL(join(folder.dir, 'src/mapping/runner.ts')).href;
    const program = `import { createRunner } from '${runnerOf}';
      import { systemClock } from '${new URL('../../src/clock.ts', import.meta.url)}';
      await using runner = createRunner({ clock: systemClock });
      console.log(JSON.stringify(await runner.compile('type')));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ ok: true });
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
