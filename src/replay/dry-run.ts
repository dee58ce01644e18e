/**
 * What a replay would do, without doing it: how many it selects, a sample as it was and as it would be, and what to know before
 * the button is pressed.
 */
import type { MappedDelivery } from '../buffer/contract.ts';
import { placeOfEvent } from '../buffer/event-ids.ts';
import type { WholeDelivery } from '../buffer/reading.ts';
import { type EarlierEvent, planRemap } from '../buffer/remap.ts';
import type { SelectedDelivery, SelectedItems, SelectedLetter } from '../buffer/replaying.ts';
import { type Changes, countAll, type Looking, type Sampled, type SampleItem } from './looking.ts';
import type { Resendable } from './resend.ts';
import type { ReplayRequest } from './selection.ts';
import { ageWarnings, sampleWarnings, type Warning } from './warnings.ts';

export type DryRun = {
  readonly dry_run: true;
  readonly count: number;
  readonly sample: readonly SampleItem[];
  readonly warnings: readonly Warning[];
};

const sampleMax = 20;
/** Of one item, in each of before and after. */
const shownMax = 50;
const sampleBytesMax = 4 * 1024 * 1024;

export async function lookAhead(request: ReplayRequest, looking: Looking): Promise<DryRun> {
  const count = await countAll(request, looking);
  const items = await sampleItems(request, looking);
  const sample =
    request.mode === 'remap'
      ? await remapSample(items.deliveries, looking)
      : items.letters.map((item) => resendSample(item, looking.resendable(item, request.edit)));
  const aged = await ageWarnings(request, looking);
  return {
    dry_run: true,
    count,
    sample: sample.map(({ item }) => item),
    warnings: [...aged, ...sampleWarnings(sample, looking)],
  };
}

async function sampleItems({ mode, selection }: ReplayRequest, { buffer }: Looking): Promise<SelectedItems> {
  let found: SelectedItems = { deliveries: [], letters: [], cursor: 0, ended: false };
  while (!found.ended && found.deliveries.length + found.letters.length < sampleMax) {
    const limit = sampleMax - found.deliveries.length - found.letters.length;
    const bounds = { after: found.cursor, limit, bytesMax: sampleBytesMax };
    const piece = await buffer.selectItems({ mode, selection, ...bounds });
    const deliveries = [...found.deliveries, ...piece.deliveries];
    found = { ...piece, deliveries, letters: [...found.letters, ...piece.letters] };
  }
  return found;
}

async function remapSample(
  selected: readonly SelectedDelivery[],
  { buffer, map }: Looking,
): Promise<readonly Sampled[]> {
  const given = selected.flatMap(({ delivery, hasBody }) => (delivery && hasBody ? [delivery] : []));
  const mapped = new Map((await map(given)).map((one) => [one.delivery.id, one]));
  const sampled: Sampled[] = [];
  for (const { id, hasBody } of selected) {
    const whole = await buffer.delivery(id);
    const one = mapped.get(id);
    if (whole && one) sampled.push(compare(whole, one));
    else {
      const kept = hasBody ? 'Its body was kept masked, where today’s mapping reads.' : 'Its body was not kept.';
      const problem = whole ? kept : 'It is not kept any more.';
      sampled.push({ item: { id, delivery: id, before: [], after: [], changes: none, problem }, ...nothing });
    }
  }
  return sampled;
}

function compare(whole: WholeDelivery, mapped: MappedDelivery): Sampled {
  const { id } = mapped.delivery;
  const earlier = whole.events.map(
    (event): EarlierEvent => ({ ...event, uncertain: event.reason === 'unknown_outcome' }),
  );
  const plan = planRemap(earlier, mapped.events);
  const places = new Set(earlier.map((event) => `${event.destination} ${placeOfEvent(event.id)}`));
  const stood = plan.fresh.filter((event) => places.has(`${event.destination} ${placeOfEvent(event.id)}`));
  const replaced = new Set(stood.map((event) => `${event.destination} ${placeOfEvent(event.id)}`));
  const left = [...plan.gone, ...plan.past].filter(
    (event) => !replaced.has(`${event.destination} ${placeOfEvent(event.id)}`),
  );
  const newest = new Map(whole.events.map((event) => [`${event.destination} ${placeOfEvent(event.id)}`, event.json]));
  const [trouble] = mapped.dead;
  const words = trouble ? `${trouble.reason}: ${trouble.message}` : null;
  const problem = words ?? (whole.eventsLeftOut > 0 ? `Only ${whole.events.length} of its events are compared.` : null);
  const item: SampleItem = {
    ...{ id, delivery: id },
    before: shown([...newest.values()]),
    after: shown(mapped.events.map(({ json }) => json)),
    changes: {
      same: plan.same.length,
      again: plan.again.length,
      changed: stood.length,
      new: plan.fresh.length - stood.length,
      gone: left.length,
      held: plan.held.length,
    },
    ...(problem === null ? {} : { problem }),
  };
  const queued = [...plan.fresh, ...plan.again.map(({ next }) => next)];
  const times = queued.flatMap(({ update, time }) => (update ? [] : [time]));
  const overwrites = plan.fresh.filter(({ update }) => update?.route === 'profile' || update?.route === 'group').length;
  return { item, times, overwrites, uncertain: false };
}

function resendSample({ id, letter }: SelectedLetter, resendable: Resendable): Sampled {
  const delivery = letter?.delivery ?? '';
  const before = letter?.json ? shown([letter.json]) : [];
  const common = { id, delivery, before };
  if ('problem' in resendable)
    return { item: { ...common, after: [], changes: none, problem: resendable.problem }, ...nothing };
  const { json, time, update } = resendable.event;
  const changes = json === letter?.json ? { ...none, again: 1 } : { ...none, changed: 1 };
  return {
    item: { ...common, after: shown([json]), changes },
    times: update ? [] : [time],
    overwrites: update?.route === 'profile' || update?.route === 'group' ? 1 : 0,
    uncertain: letter?.reason === 'unknown_outcome',
  };
}

const none: Changes = { same: 0, again: 0, changed: 0, new: 0, gone: 0, held: 0 };
const nothing = { times: [], overwrites: 0, uncertain: false } as const;

function shown(texts: readonly string[]): readonly unknown[] {
  return texts.slice(0, shownMax).map((text) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  });
}
