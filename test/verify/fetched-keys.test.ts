/** What a request names is opened only where the provider's own list says; seen through the real door. */
import { sign } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createRemoteTexts } from '../../src/verify/remote-texts.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { openDoor } from '../intake/door.ts';
import { makeCertificate } from '../support/certificate.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { bodyOf, sourceOfVector, type Vector, vectors } from '../support/vectors.ts';

const options = { publicUrl: null };
const vectorOf = (id: string) => vectors.find((vector) => vector.id === id) as Vector;
const opened: string[] = [];
let published: string | null = null;
let callFails: string | null = null;
let now = 0;
/** Whatever is asked for is there: only the list can keep a text from being used. */
const remote = {
  get: () => published,
  fetch: async (url: string) => {
    opened.push(url);
    return `${url} is not there`;
  },
  call: async (url: string) => {
    opened.push(url);
    return callFails;
  },
};
const door = await openDoor({ sources: [], clock: { ...systemClock, now: () => now }, remote });
afterAll(() => door[Symbol.asyncDispose]());

async function post(vector: Vector, change: { headers?: object; body?: string } = {}, here = true) {
  const source = sourceOfVector(vector);
  const [pem = null] = Object.values(vector.remote ?? {});
  published = here ? pem : null;
  now = (vector.now ?? 0) * 1000;
  opened.length = 0;
  door.enter(source, createVerifier(source, { ...options, remote }));
  const headers = { ...vector.headers, ...change.headers };
  const body = change.body ?? bodyOf(vector);
  const answer = await fetch(`${door.url}/hooks/${source.name}`, { method: 'POST', headers, body });
  return { status: answer.status, reason: door.receipts.at(-1)?.reason ?? '' };
}

const paypalUrl = 'api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77';
const snsUrl = 'sns.eu-west-1.amazonaws.com/SimpleNotificationService-sns-sha256.pem';
const elsewhere = (good: string) => {
  const [host = '', ...path] = good.split('/');
  const rest = `/${path.join('/')}`;
  return [
    ...[`http://${good}`, `https://${host}:8443${rest}`, `https://${host}:443${rest}`, `https://user@${good}`],
    ...[`https://user:password@${good}`, `https://${good}?x=1`, `https://${good}?`, `https://${good}#x`],
    ...[`https://${host}.example.com${rest}`, `https://example.com/${good}`, `https://example.com\\@${good}`],
    ...[
      `https://x${host}${rest}`,
      `https://169.254.169.254${rest}`,
      `https://localhost${rest}`,
      `https://[::1]${rest}`,
    ],
    ...[`https://${host}/../../latest${rest}`, `https://${host}${rest}/../x`, `https://${host}/%2e%2e${rest}`],
    ...[
      `https://${host.toUpperCase()}${rest}`,
      ` https://${good}`,
      `file://${rest}`,
      good,
      '',
      'https://',
      `//${good}`,
    ],
  ];
};

describe('a certificate of PayPal', () => {
  const vector = vectorOf('paypal-sale');

  it('is fetched from where PayPal keeps them, when it is not here yet', async () => {
    expect((await post(vector)).status).toBe(200);
    expect(opened).toEqual([]);
    expect((await post(vector, {}, false)).status).toBe(503);
    expect(opened).toEqual([`https://${paypalUrl}`]);
  });

  // Blanks around a header's value are none of it.
  it.each(elsewhere(paypalUrl).filter((url) => url === url.trim()))(
    'at %j is neither fetched nor believed',
    async (url) => {
      for (const here of [true, false]) {
        expect((await post(vector, { headers: { 'paypal-cert-url': url } }, here)).status).toBe(401);
        expect(opened).toEqual([]);
      }
    },
  );

  it.each([
    ['of somebody else', 'certs.example.com', 0, 0],
    ['of a name that only ends alike', 'notpaypal.com', 0, 0],
    ['that is not valid yet', 'x.paypal.com', 60_000, 0],
    ['that is valid no more', 'x.paypal.com', 0, -120_000],
  ])('%s is not believed', async (_, name, later, earlier) => {
    const at = (vector.now ?? 0) * 1000;
    const signedWith = (commonName: string, from: number, to: number) => {
      const { pem, privateKey } = makeCertificate(commonName, from, to);
      const old = vector.headers;
      const text = `${old['paypal-transmission-id']}|${old['paypal-transmission-time']}|9XL90610J3647323C|`;
      const signature = sign('sha256', Buffer.from(`${text}0`), privateKey).toString('base64');
      // The CRC-32 of no bytes is 0.
      return { ...vector, body: '', remote: { x: pem }, headers: { ...old, 'paypal-transmission-sig': signature } };
    };
    expect((await post(signedWith(name, at - 60_000 + later * 2, at + 60_000 + earlier))).status).toBe(401);
    // The same, of PayPal and valid: proven, and then no JSON.
    expect((await post(signedWith('x.paypal.com', at - 60_000, at + 60_000))).status).toBe(400);
  });

  it('is of no use to another algorithm or another webhook', async () => {
    expect((await post(vector, { headers: { 'paypal-auth-algo': 'SHA1withRSA' } })).status).toBe(401);
    expect((await post({ ...vector, source: { webhook_id: '9XL90610J3647323D' } })).status).toBe(401);
  });
});

describe('a certificate of SNS', () => {
  const vector = vectorOf('sns-sha256');
  const change = (fields: object) => ({ body: JSON.stringify({ ...JSON.parse(vector.body ?? ''), ...fields }) });

  it('is fetched from where SNS keeps them, when it is not here yet', async () => {
    expect((await post(vector)).status).toBe(200);
    expect((await post(vector, {}, false)).status).toBe(503);
    expect(opened).toEqual([`https://${snsUrl}`]);
  });

  it.each(elsewhere(snsUrl))('at %j is neither fetched nor believed', async (url) => {
    for (const here of [true, false]) {
      expect((await post(vector, change({ SigningCertURL: url }), here)).status).toBe(401);
      expect(opened).toEqual([]);
    }
  });

  it('is not asked for when the topic is not ours, or the message is none', async () => {
    for (const fields of [
      { TopicArn: 'arn:aws:sns:eu-west-1:123456789012:mallory' },
      { SignatureVersion: '3' },
      { Type: 'Other' },
      { Message: null },
      { Timestamp: 'now' },
      { Subject: 17 },
    ]) {
      expect((await post(vector, change(fields), false)).status, JSON.stringify(fields)).toBe(401);
      expect(opened).toEqual([]);
    }
  });

  it('does not fit a signature of the other version', async () => {
    expect((await post(vector, change({ SignatureVersion: '1' }))).status).toBe(401);
  });

  it('raw delivery is refused with what to change', async () => {
    const answer = await post(vector, { headers: { 'x-amz-sns-rawdelivery': 'true' } });
    expect(answer).toEqual({ status: 401, reason: expect.stringContaining('switch it off') });
  });
});

describe('a subscription to a topic', () => {
  const vector = vectorOf('sns-confirmation');
  const { SubscribeURL: subscribeUrl } = JSON.parse(vector.body ?? '') as { SubscribeURL: string };

  const { pem, privateKey } = makeCertificate('sns.amazonaws.com', 0, 1e13);
  /** Signed by SNS, as it were, but with other fields. */
  function signed(fields: object): Vector {
    const { Signature: _, SignatureVersion, SigningCertURL, ...old } = JSON.parse(vector.body ?? '');
    const message: Record<string, string> = { ...old, ...fields };
    const names = Object.keys(message).sort();
    const text = names.map((name) => `${name}\n${message[name]}\n`).join('');
    const Signature = sign('sha256', Buffer.from(text), privateKey).toString('base64');
    const body = JSON.stringify({ ...message, SignatureVersion, SigningCertURL, Signature });
    return { ...vector, remote: { x: pem }, body };
  }

  it('is confirmed by calling SNS, and answered 200 when that worked', async () => {
    expect((await post(vector)).status).toBe(200);
    expect(opened).toEqual([subscribeUrl]);
    expect(door.kept.filter(({ source }) => source === vector.id)).toEqual([]);
  });

  it('is not answered yes when the call failed', async () => {
    callFails = 'it answered 500';
    expect((await post(vector)).status).toBe(503);
    callFails = null;
  });

  it('is not confirmed when it ended: that would take it back', async () => {
    const answer = await post(vectorOf('sns-unsubscribed'));
    expect(answer).toEqual({ status: 200, reason: expect.stringContaining('was ended') });
    expect(opened).toEqual([]);
  });

  it.each([
    ...elsewhere(subscribeUrl.slice(8)),
    subscribeUrl.replace('orders', 'mallory'),
    subscribeUrl.replace('ConfirmSubscription', 'DeleteTopic'),
    `${subscribeUrl}&AuthenticateOnUnsubscribe=true`,
  ])('at %j is only told to the operator', async (url) => {
    const answer = await post(signed({ SubscribeURL: url }));
    expect(opened).toEqual([]);
    // An empty one is told too.
    expect(answer).toEqual({ status: 200, reason: expect.stringContaining('only a person') });
  });

  it('to another topic, or without its signature, is nothing', async () => {
    expect((await post(signed({ TopicArn: 'arn:aws:sns:eu-west-1:1:x' }))).status).toBe(401);
    expect((await post({ ...signed({}), remote: vector.remote ?? {} })).status).toBe(401);
    expect(opened).toEqual([]);
  });
});

describe("Google's keys", () => {
  it('are fetched again for a key id nobody knows, once a minute', async () => {
    const clock = createFakeClock();
    const vector = vectorOf('pubsub-push');
    const asked: string[] = [];
    const texts = createRemoteTexts({
      clock,
      load: async (url) => {
        asked.push(url);
        return '{"keys":[]}';
      },
    });
    const verifier = createVerifier(sourceOfVector(vector), { ...options, remote: texts });
    await using own = await openDoor({ sources: [], clock, remote: texts });
    own.enter({ ...sourceOfVector(vector), name: 'pubsub' }, verifier);
    const ask = async () =>
      (await fetch(`${own.url}/hooks/pubsub`, { method: 'POST', headers: vector.headers, body: bodyOf(vector) }))
        .status;
    expect([await ask(), await ask(), await ask()]).toEqual([401, 401, 401]);
    expect(asked).toEqual(['https://www.googleapis.com/oauth2/v3/certs']);
    await clock.advance(60_001);
    expect([await ask(), await ask()]).toEqual([401, 401]);
    expect(asked).toHaveLength(2);
  });
});
