/** The manifests of deploy/kubernetes/, and what kubelet would make of them: a pod's environment, a volume's files. */
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from './program.ts';

type Labels = Readonly<Record<string, string>>;
export type Probe = {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly exec?: { readonly command: readonly string[] };
};
export type Container = {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
};
export type Volume = {
  readonly name: string;
  readonly emptyDir?: object;
  readonly secret?: { readonly secretName: string; readonly defaultMode: number };
  readonly configMap?: { readonly name: string; readonly items: readonly { key: string; path: string }[] };
};
export type Pod = {
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly [Container];
  readonly volumes?: readonly Volume[];
};
export type Workload = {
  readonly kind: 'Deployment' | 'StatefulSet';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas: number;
    readonly serviceName?: string;
    readonly selector: { readonly matchLabels: Labels };
    readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
};
export type ConfigMap = { readonly kind: 'ConfigMap'; readonly metadata: { name: string }; readonly data: Labels };
export type Service = {
  readonly kind: 'Service';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector: Labels;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
};
export type NetworkPolicy = {
  readonly kind: 'NetworkPolicy';
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Labels };
    readonly policyTypes: readonly string[];
    readonly ingress: readonly { readonly from?: readonly object[]; readonly ports: readonly { port: string }[] }[];
  };
};
export type Budget = {
  readonly kind: 'PodDisruptionBudget';
  readonly metadata: { readonly name: string };
  readonly spec: { readonly maxUnavailable: number; readonly selector: { readonly matchLabels: Labels } };
};
type Kinds = {
  readonly Deployment: Workload;
  readonly StatefulSet: Workload;
  readonly ConfigMap: ConfigMap;
  readonly Service: Service;
  readonly NetworkPolicy: NetworkPolicy;
  readonly PodDisruptionBudget: Budget;
};
export type Manifest = Kinds[keyof Kinds];

const folder = join(root, 'deploy/kubernetes');

/** Of the named folders, as `kubectl apply -f FOLDER …` reads them; of all when none is named. */
export function manifests(...folders: string[]): Manifest[] {
  return (folders.length > 0 ? folders : readdirSync(folder)).flatMap((name) =>
    readdirSync(join(folder, name)).flatMap((file) =>
      parseAllDocuments(readFileSync(join(folder, name, file), 'utf8')).map((document) => {
        if (document.errors[0]) throw document.errors[0];
        return document.toJS() as Manifest;
      }),
    ),
  );
}

export function named<Kind extends keyof Kinds>(kind: Kind, name: string, among = manifests()): Kinds[Kind] {
  const found = among.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} times ${kind} ${name}`);
  return found[0] as Kinds[Kind];
}

/** What the container's process sees; the value of a reference is not known here. */
export function environmentOf({ envFrom = [], env }: Container): Record<string, string> {
  const maps = envFrom.map(({ configMapRef }) => named('ConfigMap', configMapRef.name).data);
  const own = env.map(({ name, value, valueFrom }) => [name, value ?? JSON.stringify(valueFrom)]);
  return Object.assign({}, ...maps, Object.fromEntries(own)) as Record<string, string>;
}

/**
 * Puts a ConfigMap's files into a folder as kubelet does: the files in a folder with a name of its own, `..data` leading
 * there, everything else leading through `..data`. Later revisions are updates: `..data` changes in one move.
 */
export function mountConfigMap(at: string, volume: Volume, data: Labels, revision: number): void {
  const items = volume.configMap?.items ?? [];
  const real = `..revision_${revision}`;
  for (const { key, path } of items) {
    const file = join(at, real, path);
    mkdirSync(dirname(file), { recursive: true });
    const text = data[key];
    if (text === undefined) throw new Error(`the ConfigMap has no ${key}`);
    writeFileSync(file, text);
  }
  symlinkSync(real, join(at, '..data_tmp'));
  renameSync(join(at, '..data_tmp'), join(at, '..data'));
  if (revision > 1) return;
  const tops = new Set(items.map(({ path }) => path.split('/')[0] as string));
  for (const top of tops) symlinkSync(join('..data', top), join(at, top));
}
