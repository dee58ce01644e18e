/** Signed times: the text stays as sent (it is part of what was signed), here it is only understood. */
import type { TimeUnit } from './scheme.ts';

const digits = { s: /^[0-9]{1,11}$/, ms: /^[0-9]{1,14}$/ } as const;
/** Up to nanoseconds, as Twitch sends them; what is finer than milliseconds does not matter here. */
const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:(\.\d{1,3})\d{0,6})?([Zz]|[+-]\d\d:\d\d)$/;

/** `Thu, 04 Jan 2024 18:05:25 GMT` (RFC 9110 §5.6.7); Date.parse alone takes much more for a date. */
const httpDate = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** Milliseconds since the epoch; null when the text is no such time. */
export function parseTime(text: string, unit: TimeUnit): number | null {
  if (unit === 'any') {
    if (!httpDate.test(text)) return parseTime(text, 's') ?? parseTime(text, 'ms') ?? parseTime(text, 'rfc3339');
    const date = Date.parse(text);
    return Number.isNaN(date) ? null : date;
  }
  if (unit !== 'rfc3339') return digits[unit].test(text) ? Number(text) * (unit === 's' ? 1000 : 1) : null;
  const parts = rfc3339.exec(text);
  if (!parts) return null;
  const time = Date.parse(`${parts[1]}T${parts[2]}${parts[3] ?? ''}${parts[4]?.toUpperCase()}`);
  return Number.isNaN(time) ? null : time;
}

export function formatTime(now: number, unit: TimeUnit): string {
  if (unit === 's') return String(Math.floor(now / 1000));
  if (unit === 'any') return new Date(now).toUTCString();
  return unit === 'ms' ? String(Math.floor(now)) : new Date(now).toISOString();
}

/** Why the time is outside the window, for the operator; null when it is inside. The edge is inside. */
export function outsideWindow(time: number, now: number, toleranceMs: number): string | null {
  const age = now - time;
  if (Math.abs(age) <= toleranceMs) return null;
  const seconds = Math.ceil(Math.abs(age) / 1000);
  const side = age > 0 ? 'old' : 'ahead of our clock';
  return `the signature is right, but its time is ${seconds} s ${side}; the tolerance is ${toleranceMs / 1000} s`;
}
