/**
 * The handshake of CloudEvents over HTTP (https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection),
 * which Azure Event Grid uses too: OPTIONS asks, unsigned, whether a sender may send here. What it allows is only to try:
 * every webhook still has to prove itself. A callback URL it names is told to the operator and never opened, since anybody
 * can name one; our yes is the answer itself.
 */
import { emptyAnswer } from './answers.ts';
import type { Greeting, RawRequest } from './contract.ts';

/** A DNS name, as the specification has it: what goes back into a header must be one. */
const origin = /^[A-Za-z0-9._:-]{1,253}$/;
const callbackLengthMax = 1024;

export function webHookOptions({ method, headers }: RawRequest): Greeting {
  const asks = headers['webhook-request-origin'];
  if (method !== 'OPTIONS' || asks === undefined) return null;
  if (!origin.test(asks)) return { refused: 'its WebHook-Request-Origin is no name of a host, or came twice' };
  const rate = headers['webhook-request-rate'] ?? '';
  const answer = emptyAnswer(200, {
    allow: 'POST',
    'webhook-allowed-origin': asks,
    'webhook-allowed-rate': /^[1-9][0-9]{0,8}$/.test(rate) ? rate : '*',
  });
  const callback = headers['webhook-request-callback'];
  if (callback === undefined) return answer;
  const url = callback.slice(0, callbackLengthMax);
  return { ...answer, note: `answered; it also named a callback, which only a person should open: ${url}` };
}
