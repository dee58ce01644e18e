import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Source } from '../../src/model.ts';
import type { RawRequest } from '../../src/verify/contract.ts';
import { type Diagnosis, diagnose } from '../../src/verify/diagnosis.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { now, requestOf, sourceOf } from '../support/verify-fixtures.ts';

const options = { publicUrl: 'https://hooks.example.com' };
const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'der' });
const sendgridKeys = [newKey(), newKey()].map((key) => key.toString('base64')) as [string, string];

type Sample = {
  readonly secret: string;
  readonly other: string;
  readonly body: string;
  readonly type: string;
  readonly header: string;
  readonly timed: boolean;
};
const json = { body: '{"id":"evt_1","who":"Zoë","at":[1,2]}', type: 'application/json' };
const samples: Readonly<Record<string, Sample>> = {
  stripe: { ...json, secret: 'whsec_canary_stripe', other: 'whsec_x', header: 'stripe-signature', timed: true },
  github: { ...json, secret: 'canary-github', other: 'x', header: 'x-hub-signature-256', timed: false },
  slack: { ...json, secret: 'canaryslack', other: 'x', header: 'x-slack-signature', timed: true },
  'standard-webhooks': {
    ...json,
    ...{ secret: 'whsec_Y2FuYXJ5c3RhbmRhcmR3ZWJob29rcw==', other: 'whsec_b3RoZXI=' },
    ...{ header: 'webhook-signature', timed: true },
  },
  twilio: {
    ...{ body: 'MessageSid=SM1&Body=Zo%C3%AB', type: 'application/x-www-form-urlencoded' },
    ...{ secret: 'canary-twilio', other: 'x', header: 'x-twilio-signature', timed: false },
  },
  sendgrid: {
    ...{ body: '[{"sg_event_id":"1","event":"open"}]\r\n', type: 'application/json' },
    ...{ secret: sendgridKeys[0], other: sendgridKeys[1], timed: true },
    header: 'x-twilio-email-event-webhook-signature',
  },
};

const sampleOf = (name: string) => samples[name] as Sample;
const configured = (name: string, more: Partial<Source> = {}) =>
  sourceOf(name, { secrets: [sampleOf(name).secret], ...more });

/** As the provider would send it. */
function signed(name: string, at = now, source = configured(name)): RawRequest {
  const { body, type } = sampleOf(name);
  const request = requestOf(body, { 'content-type': type });
  const { headers, target } = createVerifier(source, options).sign(request, at);
  return { ...request, target, headers: { ...request.headers, ...headers } };
}

/** Everything that may not be told, gathered while a test runs. */
const canaries = new Set<string>();
let told = '';
function explained(source: Source, request: RawRequest): Diagnosis {
  for (const secret of source.secrets) canaries.add(secret.trim());
  canaries.add(proofIn(signed(source.provider).headers[sampleOf(source.provider).header] ?? ''));
  canaries.add(proofIn(request.headers[sampleOf(source.provider).header] ?? ''));
  const diagnosis = diagnose(source, request, now, options);
  told += JSON.stringify(diagnosis);
  return diagnosis;
}
const proofIn = (header: string) => /[A-Za-z0-9+/_-]{20,}/.exec(header)?.[0] ?? '';

afterEach(() => {
  expect(told.length).toBeGreaterThan(0);
  expect([...canaries].filter((canary) => canary.length > 5 && told.includes(canary))).toEqual([]);
  canaries.clear();
  told = '';
});

const withHeader = (request: RawRequest, name: string, text: string | undefined): RawRequest => {
  const { [name]: _, ...headers } = request.headers;
  return { ...request, headers: text === undefined ? headers : { ...headers, [name]: text } };
};
const certain = ({ causes }: Diagnosis) => causes.filter((one) => one.certain).map(({ cause }) => cause);
const stepOf = ({ steps }: Diagnosis, name: string) => steps.find(({ step }) => step === name);

describe.each(Object.keys(samples))('the webhook of %s', (name) => {
  const { header, other, timed } = sampleOf(name);

  it('that is right verifies, with the secret that fits and how far the clocks are apart', () => {
    const source = configured(name, { secrets: [other, sampleOf(name).secret] });
    const diagnosis = explained(source, signed(name, now - 12_000));
    expect(diagnosis).toMatchObject({ verified: true, reason: null, causes: [] });
    expect(stepOf(diagnosis, 'secret')).toMatchObject({ ok: true, text: 'secret 2 of 2 fits' });
    if (timed)
      expect(stepOf(diagnosis, 'clock')).toMatchObject({ ok: true, text: expect.stringContaining('12 s before') });
    else expect(stepOf(diagnosis, 'clock')).toBeUndefined();
    expect(stepOf(diagnosis, 'scheme')?.text).toContain(header);
  });

  it('without its signature says which header is missing', () => {
    const diagnosis = explained(configured(name), withHeader(signed(name), header, undefined));
    expect(diagnosis.verified).toBe(false);
    expect(stepOf(diagnosis, 'proof')).toMatchObject({ ok: false });
    expect(diagnosis.causes).toMatchObject([{ cause: `the header ${header} is missing`, certain: false }]);
  });

  it('with another secret says where the right one is found', () => {
    const diagnosis = explained(configured(name, { secrets: [other] }), signed(name));
    expect(certain(diagnosis)).toEqual([]);
    expect(stepOf(diagnosis, 'secret')).toMatchObject({ ok: false, text: 'it does not fit' });
    expect(diagnosis.causes[0]?.cause).toBe('the secret is another one');
    expect(diagnosis.causes[0]?.advice.length).toBeGreaterThan(20);
  });

  it('with a secret that was pasted with white space or quotes says so', () => {
    for (const spoiled of [`${sampleOf(name).secret}\n`, `"${sampleOf(name).secret}"`]) {
      const diagnosis = explained(configured(name, { secrets: [spoiled] }), signed(name));
      // Where blanks do not matter it verifies.
      if (diagnosis.verified) continue;
      expect(certain(diagnosis)).toEqual([expect.stringMatching(/^it is (white space|quotes) around the secret$/)]);
    }
  });

  it('that was written in another encoding says in which, and never what would be right', () => {
    const request = signed(name);
    const text = request.headers[header] ?? '';
    const proof = /[A-Za-z0-9+/_-]{20,}={0,2}/.exec(text)?.[0] ?? '';
    const isHex = /^[0-9a-f]+$/.test(proof);
    const changed = Buffer.from(proof, isHex ? 'hex' : 'base64').toString(isHex ? 'base64' : 'hex');
    const diagnosis = explained(
      configured(name),
      withHeader(
        request,
        header,
        text.replace(proof, () => changed),
      ),
    );
    canaries.add(proof);
    const [came, wanted] = isHex ? ['base64', 'hex'] : ['hex', 'base64'];
    expect(certain(diagnosis)).toEqual([`the signature is right, but it came in ${came}; wanted is ${wanted}`]);
  });

  it('of somebody else says whose it is', () => {
    const stranger = name === 'stripe' ? 'github' : 'stripe';
    const diagnosis = explained(configured(name), signed(stranger));
    const label = stranger === 'stripe' ? 'Stripe' : 'GitHub';
    expect(diagnosis.causes[0]?.cause).toContain(`it is a webhook of ${label}`);
    expect(diagnosis.causes[0]?.advice).toContain(`provider: ${stranger}`);
  });

  it('whose secret is not set says which variable', () => {
    const diagnosis = explained(configured(name, { secrets: [], missing: ['THE_SECRET'] }), signed(name));
    expect(certain(diagnosis)).toEqual(['THE_SECRET is not set']);
  });
});

it.each(Object.keys(samples).filter((name) => sampleOf(name).timed))(
  'a webhook of %s that is old, or ahead of the clock, says by how much',
  (name) => {
    const old = explained(configured(name), signed(name, now - 3_600_000));
    expect(certain(old)).toEqual(['the signature is right, but its time is 60 min old']);
    expect(stepOf(old, 'clock')).toMatchObject({ ok: false });
    expect(stepOf(old, 'secret')).toMatchObject({ ok: true });
    const ahead = explained(configured(name), signed(name, now + 900_000));
    expect(certain(ahead)).toEqual(['the signature is right, but its time is 15 min ahead']);
  },
);

it.each(Object.keys(samples).filter((name) => name !== 'twilio'))(
  'a webhook of %s that a proxy has written again says how it was before',
  (name) => {
    const request = signed(name);
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(sampleOf(name).body), null, 2));
    const diagnosis = explained(configured(name), { ...request, body: rewritten });
    // SendGrid signs the line break that the proxy took away.
    if (name === 'sendgrid') expect(diagnosis.causes[1]?.cause).toContain('the body was changed on the way');
    else expect(certain(diagnosis)).toEqual([expect.stringContaining('the signature fits it as compact JSON')]);
  },
);

it('says which URL is registered at Twilio when it is not the one known here', () => {
  const registered = configured('twilio', { url: 'http://hooks.example.com/hooks/twilio/' });
  const diagnosis = explained(configured('twilio'), {
    ...signed('twilio', now, registered),
    headers: { ...signed('twilio', now, registered).headers, host: 'hooks.example.com' },
  });
  expect(certain(diagnosis)).toEqual([
    expect.stringContaining('is http://hooks.example.com/hooks/twilio/, not https://'),
  ]);
});

it('says that GitHub only sent its old signature', () => {
  const request = withHeader(signed('github'), 'x-hub-signature-256', undefined);
  const diagnosis = explained(configured('github'), withHeader(request, 'x-hub-signature', 'sha1=aa'));
  expect(diagnosis.causes[0]?.cause).toBe('the header x-hub-signature-256 is missing');
});

it('finds the right token in the wrong header, and does not show it', () => {
  const verify = { kind: 'token', header: 'x-acme-token' } as const;
  const source = sourceOf('custom', { verify, secrets: ['the-canary-token'] });
  const diagnosis = diagnose(source, requestOf('{}', { authorization: 'Bearer the-canary-token' }), now, options);
  told += JSON.stringify(diagnosis);
  canaries.add('the-canary-token');
  expect(certain(diagnosis)).toEqual(['the right token is there, but in the header authorization behind `Bearer`']);
});
