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

/** The id of the delivery it was made from, also when that is not kept any more. */
export function deliveryOfEvent(id: string): string {
  return `dlv_${id.slice('evt_'.length).split('-', 1)[0]}`;
}

/** Of an output that never became an event and was edited until it was one: its place is not known. */
export function placelessEvent(delivery: string): string {
  return `evt_${delivery.slice('dlv_'.length)}-x`;
}
