/** What to know before a replay is begun, in sentences with numbers. */
import { countAll, type Looking, type Sampled } from './looking.ts';
import type { ReplayRequest } from './selection.ts';

export type Warning = {
  readonly code: 'too_old' | 'nearly_too_old' | 'uncertain' | 'held' | 'overwrites' | 'unsendable';
  readonly message: string;
  readonly count: number;
};

/** Before an age limit: a replay of many takes a while, and a destination may be down. */
const nearMs = 12 * 3_600_000;
const dayMs = 24 * 3_600_000;

/** Of the whole selection, by the time of receipt, which is the time of an event unless its mapping says another. */
export async function ageWarnings(request: ReplayRequest, looking: Looking): Promise<Warning[]> {
  const { mode, selection } = request;
  if ('ids' in selection) return [];
  const warnings: Warning[] = [];
  if (mode === 'resend') {
    const left = await countAll(request, looking, true);
    if (left > 0)
      warnings.push({
        code: 'uncertain',
        count: left,
        message: `${left} more may have been counted already (unknown_outcome) and are left out: sent again they may count twice. Name them by their ids if they are to be sent.`,
      });
  }
  const ageMax = looking.eventAgeMaxMs();
  if (ageMax === null) return warnings;
  const before = (time: number) => countAll({ mode, selection: earlier(selection, time) }, looking);
  const past = looking.now() - ageMax;
  if ((selection.since ?? 0) >= past + nearMs) return warnings;
  const old = (selection.since ?? 0) < past ? await before(past) : 0;
  const near = (await before(past + nearMs)) - old;
  const what = mode === 'remap' ? 'deliveries' : 'events';
  return [...warnings, ...aged(old, near, `of the selected ${what} were received`, ageMax)];
}

/** Of the sample, by each event's own time, and what is about one event and not its age. */
export function sampleWarnings(sample: readonly Sampled[], { now, eventAgeMaxMs }: Looking): Warning[] {
  const warnings: Warning[] = [];
  const ageMax = eventAgeMaxMs();
  const times = sample.flatMap((one) => one.times);
  if (ageMax !== null) {
    const old = times.filter((time) => time < now() - ageMax).length;
    const near = times.filter((time) => time < now() - ageMax + nearMs).length - old;
    warnings.push(...aged(old, near, 'events of the sample have a time', ageMax));
  }
  const add = (code: Warning['code'], count: number, message: string) => {
    if (count > 0) warnings.push({ code, count, message: `${count} ${message}` });
  };
  const sum = (of: (one: Sampled) => number) => sample.reduce((total, one) => total + of(one), 0);
  add(
    'uncertain',
    sample.filter(({ uncertain }) => uncertain).length,
    'of the sample may have been counted already (unknown_outcome): sent again they may count twice.',
  );
  add(
    'held',
    sum(({ item }) => item.changes.held),
    'updates of the sample go once ($add, $append) and may have been counted: they are held back.',
  );
  add(
    'overwrites',
    sum(({ overwrites }) => overwrites),
    'updates of profiles or groups in the sample are written over what is there now, which may be newer.',
  );
  add('unsendable', sample.filter(({ item }) => item.problem !== undefined).length, 'of the sample have a problem.');
  return warnings;
}

function aged(old: number, near: number, what: string, ageMax: number): Warning[] {
  const limit = `${Math.round(ageMax / dayMs)} days`;
  const warnings: Warning[] = [];
  if (old > 0)
    warnings.push({
      code: 'too_old',
      count: old,
      message: `${old} ${what} more than ${limit} ago: the destination takes no event that old, and they will be dead letters (too_old).`,
    });
  if (near > 0)
    warnings.push({
      code: 'nearly_too_old',
      count: near,
      message: `${near} ${what} nearly ${limit} ago and have less than ${nearMs / 3_600_000} hours left to be delivered.`,
    });
  return warnings;
}

function earlier<S extends { readonly until?: number }>(selection: S, time: number): S {
  return { ...selection, until: Math.min(selection.until ?? Number.POSITIVE_INFINITY, time) };
}
