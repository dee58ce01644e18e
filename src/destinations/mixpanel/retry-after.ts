/** `Retry-After`: seconds or an HTTP date, as a wait; never longer than ten minutes, so that a wrong header cannot stop us for days. */
const WAIT_MAX_MS = 600_000;

export function retryAfterMs(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  if (text === '') return null;
  const wait = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(wait)) return null;
  return Math.min(WAIT_MAX_MS, Math.max(0, Math.ceil(wait)));
}
