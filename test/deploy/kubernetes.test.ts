/** deploy/kubernetes/ against the code: settings, ports, folders, the user, the time to stop, and no right too many. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STOP_MAX_MS } from '../../src/cli/serve.ts';
import { readSettings } from '../../src/config/settings.ts';
import { settingRow } from '../../src/config/settings-table.ts';
import { composeFile, knownVariables, settingsGiven } from '../support/deploy-files.ts';
import { imageSteps } from '../support/image-steps.ts';
import { environmentOf, manifests, named, type Workload } from '../support/manifests.ts';
import { root } from '../support/program.ts';

const { described, env: imageEnv } = imageSteps().image;
const sqlite = named('StatefulSet', 'trackrelay', manifests('sqlite'));
const redis = named('Deployment', 'trackrelay', manifests('redis'));
const server = named('StatefulSet', 'trackrelay-redis', manifests('redis-server'));
const relays: [string, Workload][] = [
  ['sqlite', sqlite],
  ['redis', redis],
];
const workloads: [string, Workload][] = [...relays, ['redis-server', server]];
const podOf = ({ spec }: Workload) => spec.template.spec;
const containerOf = (workload: Workload) => podOf(workload).containers[0];
const ports = {
  webhooks: Number(settingRow('RELAY_PORT').default),
  private: Number(settingRow('RELAY_ADMIN_PORT').default),
};

describe('every pod', () => {
  it.each(workloads)('of %s has no right it can do without, as the profile "restricted" asks', (_, workload) => {
    const pod = podOf(workload);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
    expect(pod.containers).toHaveLength(1);
    expect(containerOf(workload).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(JSON.stringify(workload)).not.toMatch(/hostPath|hostNetwork|hostPID|hostPort|privileged/);
  });

  it.each(workloads)('of %s is found by its own selector', (_, { spec }) => {
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
  });

  it.each(workloads)('of %s mounts volumes that are there', (_, workload) => {
    const claims = (workload.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
    const there = [...claims, ...(podOf(workload).volumes ?? []).map(({ name }) => name)].sort();
    expect(
      containerOf(workload)
        .volumeMounts.map(({ name }) => name)
        .sort(),
    ).toEqual(there);
  });

  it('is chosen by one workload only', () => {
    const selectors = workloads.map(([, { spec }]) => JSON.stringify(spec.selector.matchLabels));
    expect(new Set(selectors).size).toBe(selectors.length);
  });
});

describe('every relay', () => {
  it.each(relays)('of %s has only settings that exist', (_, workload) => {
    const names = Object.keys(environmentOf(containerOf(workload)));
    expect(names.filter((name) => !knownVariables.has(name))).toEqual([]);
  });

  it.each(relays)('of %s has settings that the relay starts with, Mixpanel and a token among them', (_, workload) => {
    const { mixpanel, admin, trustProxy } = readSettings(settingsGiven(environmentOf(containerOf(workload))));
    expect(mixpanel.token).toBeTruthy();
    expect(admin).toMatchObject({ host: '0.0.0.0', port: ports.private, token: expect.any(String) });
    expect(trustProxy).toBe(1);
  });

  it.each(relays)("of %s is the image's user", (_, workload) => {
    const { runAsUser, runAsGroup, fsGroup } = podOf(workload).securityContext;
    expect(`${runAsUser}:${runAsGroup}`).toBe(described.USER);
    // Or it could not write on its volume, nor read its secrets.
    expect(fsGroup).toBe(runAsGroup);
  });

  it.each(relays)('of %s is of the version that this is', (_, workload) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(containerOf(workload).image).toBe(`trackrelay:${version}`);
  });

  it.each(relays)("of %s has the image's folders: data to write to, mappings to read", (_, workload) => {
    const mounts = new Map(containerOf(workload).volumeMounts.map((mount) => [mount.mountPath, mount]));
    const writable = [...mounts.values()].filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
    expect(writable.sort()).toEqual([imageEnv.RELAY_DATA_DIR, '/tmp'].sort());
    expect(mounts.get(imageEnv.RELAY_MAPPINGS_DIR as string)).toMatchObject({ name: 'mappings', readOnly: true });
  });

  it.each(relays)('of %s reads its secrets from files of the Secret, which its group may read', (_, workload) => {
    const mount = containerOf(workload).volumeMounts.find(({ name }) => name === 'secrets');
    const files = containerOf(workload).env.filter(({ name }) => name.endsWith('_FILE'));
    expect(files.length).toBeGreaterThan(2);
    for (const { value } of files) expect(value?.startsWith(`${mount?.mountPath}/`)).toBe(true);
    const volume = podOf(workload).volumes?.find(({ name }) => name === 'secrets');
    expect(volume?.secret).toEqual({ secretName: 'trackrelay-secrets', defaultMode: 0o440 });
  });

  it('has its secrets created by the command at the top, under the names that are read', () => {
    const text = readFileSync(join(root, 'deploy/kubernetes/common/settings.yaml'), 'utf8');
    const given = [...text.matchAll(/--from-file=(\w+)/g)].map(([, name]) => name);
    const files = containerOf(sqlite).env.map(({ value }) => value?.split('/').at(-1));
    expect(given).toEqual(files);
  });

  it.each(relays)('of %s holds no secret itself', (_, workload) => {
    const secret = Object.keys(environmentOf(containerOf(workload))).filter((name) => /TOKEN$|SECRET$|KEY$/.test(name));
    expect(secret).toEqual([]);
    expect(manifests().map(({ kind }) => String(kind))).not.toContain('Secret');
  });

  it.each(relays)('of %s listens on the ports that the settings have', (_, workload) => {
    const listed = containerOf(workload).ports.map(({ name, containerPort }) => [name, containerPort]);
    expect(Object.fromEntries(listed)).toEqual(ports);
  });

  it.each(relays)('of %s gets no RELAY_PORT from a Service named relay', (_, workload) => {
    expect(podOf(workload).enableServiceLinks).toBe(false);
  });

  it.each(relays)('of %s has time to leave the Service and to stop before it is killed', (_, workload) => {
    const [program, seconds] = containerOf(workload).lifecycle?.preStop.exec.command ?? [];
    expect(program).toBe('sleep');
    const neededMs = Number(seconds) * 1000 + STOP_MAX_MS;
    expect(podOf(workload).terminationGracePeriodSeconds * 1000).toBeGreaterThan(neededMs);
  });

  it('is the same in both modes but for where it keeps what it accepts', () => {
    const { env: envOfOne, ...one } = containerOf(sqlite);
    const { env: envOfMany, ...many } = containerOf(redis);
    expect(many).toEqual(one);
    expect(envOfMany.filter(({ name }) => name !== 'REDIS_URL')).toEqual(envOfOne);
  });
});

describe('one relay on SQLite', () => {
  it('is one, in a set that never runs two, with a volume of its own', () => {
    expect([sqlite.kind, sqlite.spec.replicas]).toEqual(['StatefulSet', 1]);
    expect(sqlite.spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name)).toEqual(['data']);
    expect(Object.keys(environmentOf(containerOf(sqlite)))).not.toContain('REDIS_URL');
    expect(named('Service', sqlite.spec.serviceName as string).spec.clusterIP).toBe('None');
  });
});

describe('relays on one Redis', () => {
  it('are two or more, and may be moved one at a time', () => {
    expect([redis.kind, redis.spec.replicas >= 2]).toEqual(['Deployment', true]);
    const { maxUnavailable, selector } = named('PodDisruptionBudget', 'trackrelay').spec;
    expect(maxUnavailable).toBe(1);
    expect(selector).toEqual(redis.spec.selector);
  });

  it('find it by a Secret, and keep nothing that matters themselves', () => {
    const url = containerOf(redis).env.find(({ name }) => name === 'REDIS_URL');
    expect(url?.valueFrom).toEqual({ secretKeyRef: { name: 'trackrelay-redis', key: 'url' } });
    expect(podOf(redis).volumes?.find(({ name }) => name === 'data')?.emptyDir).toBeDefined();
  });
});

describe('Redis', () => {
  it('has the words that compose.yaml starts it with, a folder and a password', () => {
    const words = containerOf(server).command ?? [];
    const shared = composeFile().services.redis?.command ?? [];
    expect(words.slice(0, shared.length)).toEqual(shared);
    expect(words.slice(shared.length)).toEqual(['--dir', '/data', '--requirepass', '$(REDIS_PASSWORD)']);
    expect(containerOf(server).image).toBe(composeFile().services.redis?.image);
    const { runAsUser, runAsGroup } = podOf(server).securityContext;
    expect(`${runAsUser}:${runAsGroup}`).toBe(composeFile().services.redis?.user);
  });

  it('keeps its log on a volume', () => {
    expect(server.spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name)).toEqual(['data']);
    expect(containerOf(server).volumeMounts).toEqual([{ name: 'data', mountPath: '/data' }]);
  });

  it('has the name and the port that the example of its URL has', () => {
    const text = readFileSync(join(root, 'deploy/kubernetes/common/settings.yaml'), 'utf8');
    const url = new URL(/--from-literal=url=(\S+)/.exec(text)?.[1] as string);
    const { metadata, spec } = named('Service', 'trackrelay-redis');
    expect([url.hostname, Number(url.port)]).toEqual([metadata.name, spec.ports[0]?.port]);
    expect(server.spec.template.metadata.labels).toMatchObject(spec.selector);
  });

  it('is reached by relays only', () => {
    const { podSelector, policyTypes, ingress } = named('NetworkPolicy', 'trackrelay-redis').spec;
    expect(server.spec.template.metadata.labels).toMatchObject(podSelector.matchLabels);
    expect(policyTypes).toEqual(['Ingress']);
    const relay = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'trackrelay' } } };
    expect(ingress).toEqual([{ from: [relay], ports: [{ port: 'redis' }] }]);
  });
});

describe('the private listener', () => {
  it('has a Service apart from that of the webhooks, and neither is reached from outside the cluster', () => {
    const targets = ['trackrelay', 'trackrelay-private'].map((name) => {
      const { type, selector, ports: served } = named('Service', name).spec;
      for (const [, { spec }] of relays) expect(spec.template.metadata.labels).toMatchObject(selector);
      return [type, ...served.map(({ targetPort }) => targetPort)];
    });
    expect(targets).toEqual([
      [undefined, 'webhooks'],
      [undefined, 'private'],
    ]);
  });

  it('is open only to pods that carry the label; webhooks are open to all', () => {
    const { podSelector, policyTypes, ingress } = named('NetworkPolicy', 'trackrelay').spec;
    for (const [, { spec }] of relays) expect(spec.template.metadata.labels).toMatchObject(podSelector.matchLabels);
    expect(policyTypes).toEqual(['Ingress']);
    expect(ingress).toEqual([
      { ports: [{ port: 'webhooks' }] },
      { from: [{ podSelector: { matchLabels: { 'trackrelay-private': 'allowed' } } }], ports: [{ port: 'private' }] },
    ]);
  });
});
