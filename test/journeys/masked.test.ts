/** `keep: masked` in the real program: what the mapping does not read is gone from the API, and the same mapping can be run again. */
import { expect, it } from 'vitest';
import { Journey } from '../support/journey.ts';
import { run, until } from '../support/program.ts';

const mapping = '{"event": "Noted", "properties": {"id": id}}';
const CANARY = 'canary-of-a-person';

type Whole = { state: string; body: string };

it('keeps what the mapping reads, and does not run one that reads more on what is left', async () => {
  await using journey = await Journey.open('masked', { sources: { tool: { mapping, yaml: 'keep: masked\n' } } });
  await journey.start();
  const answer = await journey.sendThis({ source: 'tool', id: 'one', body: JSON.stringify({ id: 'n1', who: CANARY }) });
  const { delivery } = JSON.parse(answer.text) as { delivery: string };
  const whole = () => journey.relay.api<Whole>(`/api/deliveries/${delivery}`);
  await until(async () => (await whole()).state === 'mapped', 'it to be mapped');
  expect(JSON.parse((await whole()).body)).toEqual({ id: 'n1', who: '[masked]' });

  const replay = () =>
    run(['replay', delivery, '--yes', '--json', '--url', journey.relay.adminUrl], { ...journey.environment });
  expect(JSON.parse((await replay()).out)).toMatchObject({ state: 'done', delivered: 1, failed: 0 });
  const { raw } = journey.sandbox.state().events;
  expect(raw).toBe(1);

  journey.write('tool', { mapping: mapping.replace('"id": id', '"id": id, "who": who'), yaml: 'keep: masked\n' });
  await until(() => (journey.relay.seen.out.match(/"source.loaded"/g) ?? []).length > 1, 'the new mapping');
  const refused = JSON.parse((await replay()).out) as { failed: number; last_failure: string };
  expect(refused).toMatchObject({ failed: 1, last_failure: expect.stringContaining('masked') });
  expect((await whole()).state).toBe('mapped');
  expect(journey.sandbox.state().events.raw).toBe(raw);
  expect(journey.relay.seen.out).not.toContain(CANARY);
});
