/** Providers that sign with several keys at once, in one header or in one each; and what may not pass for that. */
import { createHmac } from 'node:crypto';
import { made, type Signers } from '../signed-vector.ts';

const now = 1_700_000_000;
const json = { 'content-type': 'application/json' };
const secret = 'the key that is here';
const old = 'the key of before';
const text = (value: unknown) => JSON.stringify(value);
const hmac = (key: string, signed: string) => createHmac('sha256', key).update(signed, 'utf8');
const hex = (key: string, signed: string) => hmac(key, signed).digest('hex');
const base64 = (key: string, signed: string) => hmac(key, signed).digest('base64');

type More = Partial<ReturnType<typeof made>> & { readonly now?: number };

function vector(id: string, headers: Record<string, string>, body: string, more: More = {}) {
  return { ...made(id, { secret, headers: { ...json, ...headers }, body }), ...more };
}

const refused = (note: string, more: More = {}): More => ({ ...more, valid: false, note });

const incident = text({
  event: { id: '01BWDWL3NYY7', event_type: 'incident.triggered', occurred_at: '2026-11-19T10:00:00.458Z' },
});
const pagerduty = (value: string) => ({ 'x-pagerduty-signature': value });

const sale = text({ event_id: 'evt_01', event_type: 'transaction.completed', occurred_at: '2026-11-19T10:00:00.1Z' });
const h1 = (key: string, time = now) => `h1=${hex(key, `${time}:${sale}`)}`;
const paddle = (value: string) => ({ 'paddle-signature': value });
const recent = { now };

const renewal = text({
  id: 'qulc8pf4fu6d',
  object_type: 'subscription',
  event_type: 'renewed',
  event_time: '2026-11-19T10:00:00Z',
});
const recurlyTime = `${now}123`;
const recurly = (...signatures: readonly string[]) => ({ 'recurly-signature': [recurlyTime, ...signatures].join(',') });
const renewed = (key: string) => hex(key, `${recurlyTime}.${renewal}`);

const upload = text({ type: 'webhook_event', trigger: 'FILE.UPLOADED', created_at: '2026-11-19T10:00:00-08:00' });
const boxTime = '2023-11-14T14:13:20-08:00';
const box = (signatures: Record<string, string>, id: string) => ({
  'box-delivery-id': id,
  'box-delivery-timestamp': boxTime,
  'box-signature-version': '1',
  'box-signature-algorithm': 'HmacSHA256',
  ...signatures,
});

const job = text({ id: '3888f21b', type: 'workflow-completed', happened_at: '2026-11-19T10:00:00.000Z' });
const circleci = (value: string) => ({ 'circleci-signature': value, 'circleci-event-type': 'workflow-completed' });

const envelope = text({
  event: 'envelope-completed',
  retryCount: 0,
  generatedDateTime: '2026-11-19T10:00:00.1234567Z',
  data: { envelopeId: '6a9b' },
});

export const signers: Signers = {
  pagerduty: () => [
    vector('pagerduty-two-keys', pagerduty(`v1=${hex(old, incident)},v1=${hex(secret, incident)}`), incident),
    vector('pagerduty-newer-version', pagerduty(`v2=00ff,v1=${hex(secret, incident)}`), incident),
    vector('pagerduty-v2-alone', pagerduty(`v2=${hex(secret, incident)}`), incident, refused('no v1')),
  ],
  paddle: () => [
    vector('paddle-two-keys', paddle(`ts=${now};${h1(old)};${h1(secret)}`), sale, recent),
    vector('paddle-other-key-alone', paddle(`ts=${now};${h1(old)}`), sale, refused('no h1 of ours', recent)),
    vector(
      'paddle-two-times',
      paddle(`ts=${now - 9999};ts=${now};${h1(secret)}`),
      sale,
      refused('which of the two was signed would be a guess', recent),
    ),
    vector(
      'paddle-dot',
      paddle(`ts=${now};h1=${hex(secret, `${now}.${sale}`)}`),
      sale,
      refused('a colon it is', recent),
    ),
    vector('paddle-upper-case', paddle(`ts=${now};h1=${h1(secret).slice(3).toUpperCase()}`), sale, {
      ...refused('Paddle writes hex in lower case', recent),
    }),
  ],
  recurly: () => [
    vector('recurly-renewal', recurly(renewed(secret)), renewal, recent),
    vector('recurly-two-keys', recurly(renewed(old), renewed(secret)), renewal, recent),
    vector('recurly-other-key', recurly(renewed(old)), renewal, refused('no signature of ours', recent)),
  ],
  box: () => [
    vector(
      'box-primary-alone',
      box({ 'box-signature-primary': base64(secret, upload + boxTime) }, 'f96bb54b'),
      upload,
      recent,
    ),
    vector(
      'box-both',
      box(
        {
          'box-signature-primary': base64(old, upload + boxTime),
          'box-signature-secondary': base64(secret, upload + boxTime),
        },
        'f96bb54c',
      ),
      upload,
      recent,
    ),
    vector(
      'box-time-first',
      box({ 'box-signature-primary': base64(secret, boxTime + upload) }, 'f96bb54d'),
      upload,
      refused('the body comes first', recent),
    ),
  ],
  circleci: () => [
    vector('circleci-workflow', circleci(`v1=${hex(secret, job)}`), job),
    vector('circleci-two-versions', circleci(`v1=${hex(secret, job)},v2=0000`), job),
    vector(
      'circleci-unknown-version',
      circleci(`v2=${hex(secret, job)}`),
      job,
      refused('only a version we do not know'),
    ),
  ],
  docusign: () => [
    vector('docusign-one-key', { 'x-docusign-signature-1': base64(secret, envelope) }, envelope),
    vector(
      'docusign-second-key',
      { 'x-docusign-signature-1': base64(old, envelope), 'x-docusign-signature-2': base64(secret, envelope) },
      envelope,
    ),
    vector('docusign-hundredth-key', { 'x-docusign-signature-100': base64(secret, envelope) }, envelope),
    vector(
      'docusign-past-the-last',
      { 'x-docusign-signature-101': base64(secret, envelope) },
      envelope,
      refused('there are a hundred'),
    ),
  ],
};
