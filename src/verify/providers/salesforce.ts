/**
 * Salesforce outbound messages: SOAP with up to 100 notifications, signed by nothing: the key is in the path. Without its
 * Ack Salesforce sends the message again for a day.
 *
 * Where "Send Session ID" is on, the body holds a session of the sending user, which is as good as a password: mappings must
 * leave `Envelope.Body.notifications.SessionId` out, and it is better switched off.
 */
import type { Provider } from '../provider.ts';

const acknowledged =
  '<?xml version="1.0" encoding="UTF-8"?>' +
  '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>' +
  '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>' +
  '</soapenv:Body></soapenv:Envelope>';

export const provider: Provider = {
  name: 'salesforce',
  label: 'Salesforce',
  confidence: 'documented',
  docs: 'https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging_notifications.htm',
  secret: 'A long random text of your own: it is the end of the URL, `/hooks/SOURCE/SECRET`.',
  register: 'Setup → Outbound Messages → New → Endpoint URL, with Send Session ID off.',
  proof: { kind: 'path_key' },
  batch: 'Envelope.Body.notifications.Notification',
  // The id of a notification stays over the tries; which ones travel together may change.
  deliveryId: [[{ each: ['Id'] }]],
  eventType: [[{ item: 'sObject.@type' }]],
  eventTime: null,
  answer: { status: 200, headers: { 'content-type': 'text/xml; charset=utf-8' }, body: acknowledged },
};
