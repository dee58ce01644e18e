/** What a mapping's outputs become, completed by the relay, for people to look at: events, and updates of profiles and groups. */
export type CompletedEvent = { readonly event: string; readonly properties: Readonly<Record<string, unknown>> };
/** One operator, beside whose it is (`$distinct_id`, or `$group_key` and `$group_id`) and what goes with it (`$ip`, `$time`, …). */
export type CompletedUpdate = Readonly<Record<string, unknown>>;
export type Completed = CompletedEvent | CompletedUpdate;

export function isEvent(one: Completed): one is CompletedEvent {
  return typeof one.event === 'string';
}

/** `Charge Succeeded`, or `$set`. */
export function titleOf(one: Completed): string {
  return isEvent(one) ? one.event : operatorOf(one);
}

/** Whose it is: a person's id, or `company acme`. */
export function ownerOf(one: Completed): string {
  if (isEvent(one)) return String(one.properties.distinct_id ?? '');
  return String(one.$distinct_id ?? `${one.$group_key} ${one.$group_id}`);
}

/** What it tells: an event's properties, or what the operator is given, and what stands beside it. */
export function contentOf(one: Completed): Readonly<Record<string, unknown>> {
  if (isEvent(one)) return one.properties;
  const operator = operatorOf(one);
  const { $distinct_id: _person, $group_key: _key, $group_id: _group, [operator]: operand, ...beside } = one;
  if (Array.isArray(operand)) return { names: operand, ...beside };
  return typeof operand === 'object' && operand !== null ? { ...operand, ...beside } : beside;
}

const BESIDE = new Set([
  ...['$token', '$distinct_id', '$group_key', '$group_id'],
  ...['$ip', '$latitude', '$longitude', '$time', '$ignore_time', '$ignore_alias'],
]);

function operatorOf(update: CompletedUpdate): string {
  return Object.keys(update).find((key) => !BESIDE.has(key)) ?? 'update';
}
