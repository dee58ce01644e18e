import { expect, it } from 'vitest';
import { tellSender } from '../../src/wiring/senders.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFakeSenders } from '../support/fake-senders.ts';

function told() {
  const senders = createFakeSenders(createFakeClock());
  const lines: string[] = [];
  const info = (line: string, fields?: object) => void lines.push(`${line} ${JSON.stringify(fields)}`);
  tellSender(senders.of('rly_1'), 'crm', { info });
  return { senders, lines };
}
const words = '{"destination":"crm","relay":"rly_1"}';

it('says in one line that this relay begins to send, and in another that it does no more', () => {
  const { senders, lines } = told();
  senders.make('rly_1');
  senders.make('rly_1');
  expect(lines).toEqual([`destination.taken_over ${words}`]);
  senders.make('rly_2');
  expect(lines.slice(1)).toEqual([`destination.handed_over ${words}`]);
});

it('says nothing while others send, nor when they change', () => {
  const { senders, lines } = told();
  for (const relay of ['rly_2', null, 'rly_3']) senders.make(relay);
  expect(lines).toEqual([]);
});

it('says nothing when nobody is heard of for a while and it sends on', () => {
  const { senders, lines } = told();
  senders.make('rly_1');
  senders.goAway();
  senders.comeBack();
  expect(lines).toHaveLength(1);
});
