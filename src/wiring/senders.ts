/** Says in the log which of the relays on one store sends to a destination, when this one begins to or is it no more. */
import type { Sendership } from '../buffer/sendership.ts';
import type { Log } from '../observe/log.ts';

export function tellSender(sendership: Sendership, destination: string, log: Pick<Log, 'info'>): void {
  let sends = false;
  sendership.onChange(() => {
    const sender = sendership.sender();
    // Not heard of anybody is no turn: whoever sent does so again, or hears that another one does.
    if (sender === 'unknown' || sends === (sender === 'this')) return;
    sends = sender === 'this';
    const line = sends ? 'destination.taken_over' : 'destination.handed_over';
    log.info(line, { destination, relay: sendership.relay });
  });
}
