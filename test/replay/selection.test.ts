import { describe, expect, it } from 'vitest';
import { checkRequest, ReplayRefusedError, type ReplayRequest } from '../../src/replay/selection.ts';

const refusalOf = (request: unknown) => {
  try {
    checkRequest(request as ReplayRequest);
    return null;
  } catch (error) {
    if (!(error instanceof ReplayRefusedError)) throw error;
    return error.code;
  }
};

describe('a replay that is asked for', () => {
  it('may select by ids, or by any of source, state, type, reason and time', () => {
    const fine: unknown[] = [
      { mode: 'remap', selection: { ids: ['dlv_1'] } },
      { mode: 'resend', selection: { ids: ['ded_1', 'ded_2'] } },
      { mode: 'remap', selection: { source: 'shop' } },
      { mode: 'remap', selection: { state: 'failed', reason: 'mapping_error', type: 'x' } },
      { mode: 'resend', selection: { state: 'dead', destination: 'mixpanel' } },
      { mode: 'resend', selection: { since: 0, until: 5 } },
      { mode: 'resend', selection: { ids: ['ded_1'] }, edit: { event: {} } },
    ];
    expect(fine.map(refusalOf)).toEqual(fine.map(() => null));
  });

  it('is refused when it selects nothing, or everything, or what there is not', () => {
    const wrong: unknown[] = [
      { mode: 'remap' },
      { mode: 'remap', selection: null },
      { mode: 'remap', selection: {} },
      { mode: 'remap', selection: { source: undefined } },
      { mode: 'remap', selection: { ids: [] } },
      { mode: 'remap', selection: { ids: ['dlv_1', 'dlv_1'] } },
      { mode: 'remap', selection: { ids: ['ded_1'] } },
      { mode: 'resend', selection: { ids: ['dlv_1'] } },
      { mode: 'remap', selection: { ids: Array.from({ length: 1_001 }, (_, at) => `dlv_${at}`) } },
      { mode: 'remap', selection: { state: 'dead' } },
      { mode: 'remap', selection: { source: 'shop', destination: 'mixpanel' } },
      { mode: 'resend', selection: { state: 'failed' } },
      { mode: 'remap', selection: { since: Number.NaN } },
      { mode: 'remap', selection: { since: 5, until: 5 } },
    ];
    expect(wrong.map(refusalOf)).toEqual(wrong.map(() => 'bad_selection'));
  });

  it('is refused in a mode that there is not', () => {
    for (const mode of ['again', '', undefined])
      expect(refusalOf({ mode, selection: { source: 'shop' } })).toBe('bad_mode');
  });

  it('edits one dead event and nothing else', () => {
    const edit = { event: {} };
    const wrong = [
      { mode: 'remap', selection: { ids: ['dlv_1'] }, edit },
      { mode: 'resend', selection: { ids: ['ded_1', 'ded_2'] }, edit },
      { mode: 'resend', selection: { source: 'shop' }, edit },
    ];
    expect(wrong.map(refusalOf)).toEqual(wrong.map(() => 'bad_edit'));
  });
});
