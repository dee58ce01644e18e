/** How long the lists of the API take, whatever is asked for: each question some times, following the cursor of its answer. */
import type { Relay } from './programs.ts';

export type ListTimes = { readonly slowestMs: number; readonly slowest: string; readonly asked: number };

const TIMES = 10;
const WITHIN_MS = 10_000;

/** Of fill.ts: nearly all are of one kind; so what is rare or not there at all is what a bad plan would search for. */
const deliveries = [
  '',
  'source=bench',
  'source=nobody',
  'state=mapped',
  'state=failed',
  'type=pull_request.opened',
  'type=pull_request.closed',
  'type=nothing',
  'source=bench&state=skipped',
  'source=bench&state=mapped&type=pull_request.closed',
];
const letters = ['', 'source=bench', 'reason=mapping_error', 'source=bench&kind=event&destination=mixpanel'];

export async function listTimes(relay: Relay): Promise<ListTimes> {
  const middle = await middleOf(relay);
  const ranges = ['', `&until=${middle}`, `&since=${middle}`];
  const paths = [
    ...deliveries.flatMap((filter) => ranges.map((range) => `/api/deliveries?limit=100&${filter}${range}`)),
    ...letters.flatMap((filter) => ranges.map((range) => `/api/dead-letters?limit=100&${filter}${range}`)),
  ];
  let worst: ListTimes = { slowestMs: 0, slowest: '', asked: 0 };
  for (const path of paths) {
    let after = '';
    for (let time = 0; time < TIMES; time++) {
      const startedAt = performance.now();
      const { next } = await page(relay, `${path}${after}`);
      const tookMs = performance.now() - startedAt;
      const asked = worst.asked + 1;
      worst = tookMs > worst.slowestMs ? { slowestMs: tookMs, slowest: path, asked } : { ...worst, asked };
      after = next === null ? '' : `&after=${next}`;
    }
  }
  return worst;
}

type Page = { readonly items: readonly { readonly received_at: string }[]; readonly next: string | null };

/** Half way between the newest and the oldest: the log begins where the relay's first second was. */
async function middleOf(relay: Relay): Promise<string> {
  const newest = Date.parse((await page(relay, '/api/deliveries?limit=1')).items[0]?.received_at ?? '');
  let [low, high] = [newest - 3_600_000, newest];
  for (let look = 0; look < 20; look++) {
    const at = (low + high) / 2;
    const { items } = await page(relay, `/api/deliveries?limit=1&until=${new Date(at).toISOString()}`);
    if (items.length === 0) low = at;
    else high = at;
  }
  return new Date((low + newest) / 2).toISOString();
}

async function page(relay: Relay, path: string): Promise<Page> {
  const answer = await fetch(relay.adminUrl + path, { signal: AbortSignal.timeout(WITHIN_MS) });
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`);
  return (await answer.json()) as Page;
}
