/** What may be asked of a replay; everything else is refused with a sentence, before anybody is asked. */
import type { ReplayMode, Selection } from '../buffer/replaying.ts';
import { selectedIdsMax } from '../buffer/replaying.ts';

export type ReplayRequest = {
  readonly mode: ReplayMode;
  readonly selection: Selection;
  /** Of `resend` with one id: sent in place of the dead event, in the form that a mapping gives. */
  readonly edit?: { readonly event: unknown };
};

export type ReplayRefusal = 'bad_mode' | 'bad_selection' | 'bad_edit' | 'too_many';

export class ReplayRefusedError extends Error {
  override readonly name = 'ReplayRefusedError';
  readonly code: ReplayRefusal;
  constructor(code: ReplayRefusal, message: string) {
    super(message);
    this.code = code;
  }
}

const deliveryStates = new Set(['accepted', 'mapped', 'skipped', 'failed']);

/** Throws a ReplayRefusedError. */
export function checkRequest({ mode, selection, edit }: ReplayRequest): void {
  if (mode !== 'remap' && mode !== 'resend') refuse('bad_mode', 'A replay is `remap` or `resend`.');
  if (typeof selection !== 'object' || selection === null) refuse('bad_selection', 'A replay needs a selection.');
  if ('ids' in selection) checkIds(mode, selection.ids);
  else checkRange(mode, selection);
  if (edit === undefined) return;
  if (mode !== 'resend') refuse('bad_edit', 'Only a dead event can be edited: the mode is `resend`.');
  if (!('ids' in selection) || selection.ids.length !== 1)
    refuse('bad_edit', 'An edited event takes the place of one dead letter: name exactly one id.');
}

function checkIds(mode: ReplayMode, ids: readonly string[]): void {
  if (ids.length === 0) refuse('bad_selection', 'The selection names no ids.');
  if (ids.length > selectedIdsMax) refuse('bad_selection', `A selection names at most ${selectedIdsMax} ids.`);
  if (new Set(ids).size < ids.length) refuse('bad_selection', 'The selection names an id twice.');
  const prefix = mode === 'remap' ? 'dlv_' : 'ded_';
  const stranger = ids.find((id) => !id.startsWith(prefix));
  if (stranger === undefined) return;
  const what = mode === 'remap' ? 'deliveries (dlv_…)' : 'dead letters (ded_…)';
  refuse('bad_selection', `\`${mode}\` selects ${what}, and ${stranger.slice(0, 40)} is none.`);
}

function checkRange(mode: ReplayMode, range: Exclude<Selection, { readonly ids: readonly string[] }>): void {
  const { state, since, until, destination } = range;
  if (Object.values(range).every((value) => value === undefined))
    refuse(
      'bad_selection',
      'An empty selection is everything; say at least one of source, state, type, reason, since, until.',
    );
  if (mode === 'resend' && state !== undefined && state !== 'dead')
    refuse('bad_selection', '`resend` selects dead events: the state is `dead`.');
  if (mode === 'remap' && state !== undefined && !deliveryStates.has(state))
    refuse('bad_selection', '`remap` selects deliveries: the state is accepted, mapped, skipped or failed.');
  if (mode === 'remap' && destination !== undefined)
    refuse(
      'bad_selection',
      '`remap` maps deliveries for all destinations of their source; only `resend` selects by destination.',
    );
  for (const time of [since, until])
    if (time !== undefined && !Number.isFinite(time))
      refuse('bad_selection', 'A time of the selection cannot be read.');
  if (since !== undefined && until !== undefined && since >= until)
    refuse('bad_selection', 'The selection ends before it begins.');
}

function refuse(code: ReplayRefusal, message: string): never {
  throw new ReplayRefusedError(code, message);
}
