/** The real program as a pod of deploy/kubernetes/ runs it: its settings, its secrets as files, its mappings as kubelet lays them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { environmentOf, manifests, mountConfigMap, named } from '../support/manifests.ts';
import { run, serve, temporaryFolder, until } from '../support/program.ts';

const pod = named('StatefulSet', 'trackrelay', manifests('sqlite')).spec.template.spec;
const [container] = pod.containers;
const volume = pod.volumes?.find(({ name }) => name === 'mappings');
const { data } = named('ConfigMap', 'trackrelay-mappings');

/** What the pod has, with its folders below one of this machine. */
function place() {
  const folder = temporaryFolder('pod');
  const mappings = join(folder.path, 'mappings');
  const secrets = join(folder.path, 'secrets');
  for (const path of [mappings, secrets]) mkdirSync(path);
  if (volume === undefined) throw new Error('the pod has no mappings');
  mountConfigMap(mappings, volume, data, 1);
  const mount = container.volumeMounts.find(({ name }) => name === 'secrets')?.mountPath as string;
  const env = Object.fromEntries(
    Object.entries(environmentOf(container)).map(([name, value]) => [name, value.replace(mount, secrets)]),
  );
  for (const [name, path] of Object.entries(env))
    if (name.endsWith('_FILE')) writeFileSync(path, `given-for-${name}\n`);
  const own = { RELAY_DATA_DIR: join(folder.path, 'data'), RELAY_MAPPINGS_DIR: mappings };
  const update = (revision: number, more: Record<string, string> = {}) =>
    mountConfigMap(mappings, volume, { ...data, ...more }, revision);
  return {
    env: { ...env, ...own, MIXPANEL_API_URL: 'http://127.0.0.1:9' },
    mappings,
    update,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

it('passes the check with the example of mappings', async () => {
  using here = place();
  const { code, out, err } = await run(['check', here.mappings], here.env);
  expect({ code }, out + err).toEqual({ code: 0 });
  expect(out + err).toContain('1 case');
});

it('answers every probe on the port that it is asked on', async () => {
  using here = place();
  await using relay = await serve(here.env);
  const urls: Record<string, string> = { webhooks: relay.publicUrl, private: relay.adminUrl };
  const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
  for (const probe of probes) {
    const { path, port } = probe?.httpGet ?? { path: '', port: '' };
    const answer = await fetch(new URL(path, urls[port]));
    expect([path, answer.status]).toEqual([expect.stringMatching(/^\/(livez|readyz)$/), 200]);
  }
});

it('refuses a ConfigMap that fails its case and takes over the one that mends it, as kubelet changes them', async () => {
  using here = place();
  await using relay = await serve(here.env);
  const headers = { authorization: `Bearer given-for-RELAY_ADMIN_TOKEN_FILE` };
  const status = async () => {
    const answer = await fetch(`${relay.adminUrl}/health`, { headers });
    const { sources } = (await answer.json()) as { sources: Record<string, { readonly status: string }> };
    return sources.github?.status;
  };
  expect(await status()).toBe('pass');
  // Sooner than the relay would look by itself.
  here.update(2, { 'github.mapping.jsonata': '{"event": "Something else"}' });
  await until(async () => (await status()) === 'warn', 'the change to be refused', 8_000);
  here.update(3);
  await until(async () => (await status()) === 'pass', 'the mended one to be taken', 8_000);
});
