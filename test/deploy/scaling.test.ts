/** docs/scaling.md reckons with README's figures: when those change, so must what is reckoned from them. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingRow } from '../../src/config/settings-table.ts';
import { composeFile } from '../support/deploy-files.ts';
import { root } from '../support/program.ts';

const read = (file: string) => readFileSync(join(root, file), 'utf8');
const page = read('docs/scaling.md');
const readme = read('README.md');
const figures = readme.slice(readme.indexOf('\n## Figures'));
const number = (text: string | undefined) => Number(text?.replaceAll(',', ''));
const english = (value: number) => value.toLocaleString('en-US');

/** README's own words for it. */
const measured = {
  accepting: /\(([\d,]+)\/s beside/.exec(figures)?.[1],
  path: /sustained \(`--only path`\) \| ([\d,]+) events\/s/.exec(figures)?.[1],
  drain: /\(`--only drain`\) \| ([\d,]+) events\/s/.exec(figures)?.[1],
  rest: /at rest \| (\d+ MB)/.exec(figures)?.[1],
  burst: /256 connections \| (\d+ MB)/.exec(figures)?.[1],
  shard: /and so one shard, ends, reckoned from its processor time \| ([\d,]+) events/.exec(figures)?.[1],
  thread: /here (\d+) µs on the main thread/.exec(figures)?.[1],
};
const path = number(measured.path);

/** What Mixpanel's page says of one project. */
const MIXPANEL_EVENTS = 30_000;
const MIXPANEL_BYTES_A_MINUTE = 2_000_000_000;

describe('docs/scaling.md', () => {
  it.each(Object.entries(measured))("has README's figure for %s", (_, figure) => {
    expect(figure).toBeDefined();
    expect(page).toContain(figure);
  });

  it('names no figure of one relay that README does not have', () => {
    const table = page.slice(page.indexOf('## What one relay does'), page.indexOf('So, for one event'));
    const values = [...table.matchAll(/^\| [^|]+ \| ([^|]*\d[^|]*) \|/gm)].map(([, value]) => value as string);
    expect(values).toHaveLength(5);
    for (const value of values) expect(figures).toContain(value);
  });

  it("has README's figures of Redis, and no others", () => {
    const table = page.slice(page.indexOf('**What it does**'), page.indexOf('They were measured on cores'));
    const values = [...table.matchAll(/^\| [^|]+ \| ([^|]*\d[^|]*) \|$/gm)].map(([, value]) => value as string);
    expect(values).toHaveLength(9);
    for (const value of values) expect(figures).toContain(value);
  });

  it('reckons rightly how many webhooks fill the bound in Redis and in SQLite', () => {
    const bound = Number(settingRow('RELAY_BUFFER_MAX_BYTES').default);
    const [memory, reckoned] =
      /take ([\d,]+) bytes of Redis while it waits; the relays reckon ([\d,]+)/.exec(page)?.slice(1).map(number) ?? [];
    const held = Math.floor(bound / (reckoned as number) / 1_000);
    expect(page).toContain(
      `is ${held},000 waiting webhooks and ${((held * 1_000 * (memory as number)) / 1e9).toFixed(1)} GB of Redis`,
    );
    expect(page).toContain(`SQLite has room for ${Math.floor(bound / (206_139_392 / 100_000) / 1_000)},000`);
    expect((memory as number) / (reckoned as number)).toBeLessThan(4 / 3);
  });

  it('reckons rightly with them', () => {
    const eventBytes = Math.floor(MIXPANEL_BYTES_A_MINUTE / 60 / MIXPANEL_EVENTS);
    const batch = Math.floor(Number(settingRow('RELAY_BATCH_MAX_BYTES').default) / eventBytes);
    const requests = MIXPANEL_EVENTS / batch;
    const reckoned = [
      `= ${Math.floor((path * 86_400) / 1e6)} million events`,
      `= ${english(Math.round(10_000 / Number(measured.thread)) * 100)} webhooks a second`,
      `= ${english(eventBytes)} bytes an event`,
      `${english(Math.round(MIXPANEL_BYTES_A_MINUTE / 60 / 2_000))} events a second`,
      `2,000 at most | ${english(batch)} |`,
      `| ${requests.toFixed(1)} |`,
      `10 / ${requests.toFixed(1)} | ${(10 / requests).toFixed(2)} s |`,
      `20 / ${requests.toFixed(1)} | ${(20 / requests).toFixed(2)} s |`,
      `30,000 / ${english(path)} | ${Math.ceil(MIXPANEL_EVENTS / path)} |`,
      `30,000 / ${english(path / 2)} + 1 | ${Math.ceil(MIXPANEL_EVENTS / (path / 2)) + 1} |`,
      `For 10,000 a second: ${Math.ceil(10_000 / (path / 2))} + 1.`,
      `| ${Math.round((MIXPANEL_EVENTS * eventBytes) / 1e6)} MB/s |`,
      `30,000 / ${measured.shard} | ${Math.ceil(MIXPANEL_EVENTS / number(measured.shard))} |`,
    ];
    for (const words of reckoned) expect(page).toContain(words);
  });

  it('reckons rightly how long a buffer lasts', () => {
    const perEvent = 206_139_392 / 100_000;
    const bound = Number(settingRow('RELAY_BUFFER_MAX_BYTES').default);
    for (const [, rate, lasts, needs] of page.matchAll(/^\| ([\d,]+) \| ([\d.]+ \w+) \| ([\d.]+) GB \|$/gm)) {
      const seconds = bound / perEvent / number(rate);
      const unit = { hours: 3_600, minutes: 60, seconds: 1 }[lasts?.split(' ')[1] as 'hours' | 'minutes' | 'seconds'];
      expect(Number.parseFloat(lasts as string) / (seconds / unit)).toBeCloseTo(1, 1);
      expect(Number(needs) / ((number(rate) * 12 * 3_600 * perEvent) / 1e9)).toBeCloseTo(1, 1);
    }
    expect(page.match(/^\| [\d,]+ \| [\d.]+ \w+ \| [\d.]+ GB \|$/gm)).toHaveLength(4);
  });

  it('names only what is there: files, services, metrics, settings', () => {
    for (const [, file] of page.matchAll(/\b(deploy\/[\w./-]+|compose\.yaml|test\/bench\/\w+\.ts)/g))
      expect(existsSync(join(root, file as string)), file).toBe(true);
    for (const [, link] of page.matchAll(/\]\((\.\.\/[^)#]+)/g))
      expect(existsSync(join(root, dirname('docs/scaling.md'), link as string)), link).toBe(true);
    for (const [, service] of page.matchAll(/docker compose up -d (\w+)/g))
      expect(Object.keys(composeFile().services)).toContain(service);
    for (const [metric] of page.matchAll(/relay_\w+/g)) expect(readme).toContain(metric);
  });

  it('is found from the README', () => {
    expect(readme).toContain('(docs/scaling.md)');
  });
});
