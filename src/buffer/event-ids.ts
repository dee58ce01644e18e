/**
 * The id of an event says where it comes from: `evt_…-0` its delivery and place among the outputs; behind a `~`, what made it anew:
 * the replay (`rpl_…`), or the dead letter it is an edited copy of (`ded_…`).
 */
const mark = '~';

/** The same for every event of one place, whatever made it. */
export function placeOfEvent(id: string): string {
  const at = id.indexOf(mark);
  return at === -1 ? id : id.slice(0, at);
}

export function madeAnew(id: string, by: string): string {
  return `${placeOfEvent(id)}${mark}${by}`;
}

export function origin(id: string): { readonly replay: string | null; readonly editedFrom: string | null } {
  const at = id.indexOf(mark);
  const by = at === -1 ? '' : id.slice(at + 1);
  return { replay: by.startsWith('rpl_') ? by : null, editedFrom: by.startsWith('ded_') ? by : null };
}
