/**
 * Auth0 log streams: JSON lines, a JSON array or one object, whatever the content type says. A batch is known by its content, in
 * which every entry has its log_id.
 */
import type { Provider } from '../provider.ts';

export const provider: Provider = {
  name: 'auth0',
  label: 'Auth0',
  confidence: 'documented',
  docs: 'https://auth0.com/docs/customize/log-streams/custom-log-streams',
  secret: 'The whole Authorization Token you entered with the stream: what the header Authorization holds.',
  register: 'Monitoring → Streams → Create Log Stream → Custom Webhook → Payload URL.',
  proof: { kind: 'token', header: 'authorization' },
  deliveryId: [[{ body: '0.log_id' }, { content: true }], [{ body: 'log_id' }]],
  eventType: [[{ item: 'data.type' }]],
  eventTime: { at: 'data.date', form: 'ISO 8601' },
  body: { lines: true },
  batch: '',
};
