import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { explain } from '../../src/cli/explain.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { apiDelivery, apiEvent, apiRelay, received } from '../support/api-relay.ts';
import { call, goodFiles, writeMappings } from '../support/cli-folders.ts';
import { temporaryFolder } from '../support/program.ts';
import { requestOf, sourceOf } from '../support/verify-fixtures.ts';

const SECRET = 'whsec_canary_of_explain';
const body = '{"id":"evt_12345678","type":"paid","amount":42,"who":"u1","created":1700000000}';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('explain');
  vi.stubEnv('RELAY_MAPPINGS_DIR', writeMappings(folder.path));
  vi.stubEnv('RELAY_DATA_DIR', join(folder.path, 'data'));
  vi.stubEnv('SHOP_SECRET', SECRET);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

function write(name: string, content: string): string {
  const file = join(folder.path, name);
  writeFileSync(file, content);
  return file;
}

/** Signed as Stripe would, just now. */
function signature(payload = body, secret = SECRET): string {
  const verifier = createVerifier(sourceOf('stripe', { secrets: [secret] }), { publicUrl: null });
  return verifier.sign(requestOf(payload), Date.now()).headers['stripe-signature'] as string;
}

async function explained(payload: string, headers: Readonly<Record<string, string>>, json = false) {
  const file = write('payload.json', payload);
  const headersFile = write('headers.json', JSON.stringify({ 'content-type': 'application/json', ...headers }));
  const said = await call((context) => explain({ what: file, source: 'shop', headers: headersFile }, context), json);
  for (const canary of [SECRET, signature().split('v1=')[1] ?? '']) expect(said.out + said.err).not.toContain(canary);
  return said;
}

describe('trackrelay explain FILE', () => {
  it('goes through proof, dedupe, parse and mapping of a webhook that is right', async () => {
    const { code, out } = await explained(body, { 'stripe-signature': signature() });
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.trimEnd())).toEqual([
      expect.stringMatching(/✓ verified +yes/),
      expect.stringMatching(/✓ {3}scheme +Stripe: HMAC-SHA256 in the header stripe-signature/),
      expect.stringMatching(/✓ {3}proof +the header stripe-signature holds one signature/),
      expect.stringMatching(/· {3}signed +\{timestamp\}\.\{body\}, with a body of 79 bytes/),
      expect.stringMatching(/✓ {3}secret +it fits/),
      expect.stringMatching(/✓ {3}clock +t of the signature says .*Z, [01] s before it came/),
      expect.stringMatching(/✓ dedupe +evt_12345678 \(body id\)/),
      expect.stringMatching(/✓ parsed +application\/json, 79 bytes/),
      expect.stringMatching(/· reads +amount, who, created/),
      expect.stringMatching(/✓ event +Paid {3}distinct_id u1/),
      '',
    ]);
  });

  it('says what is wrong, the cause and what to do, and goes on to the mapping', async () => {
    const spaced = body.replaceAll(',', ', ');
    const { code, out } = await explained(spaced, { 'stripe-signature': signature() });
    expect(code).toBe(1);
    expect(out).toMatch(/✗ verified +no: no signature in the header stripe-signature fits the secret/);
    expect(out).toContain('The cause\n  → the body was changed on the way: the signature fits it as compact JSON');
    expect(out).toMatch(/✓ event +Paid/);
  });

  it('shows the line at which the mapping fails', async () => {
    const text = (goodFiles['shop/mapping.jsonata'] as string).replace('amount,', '$uppercase(amount),');
    writeFileSync(join(folder.path, 'mappings/shop/mapping.jsonata'), text);
    const { code, out } = await explained(body, { 'stripe-signature': signature() });
    expect(code).toBe(1);
    expect(out).toMatch(/✗ mapped +\S+mapping\.jsonata:3:\d+ +mapping_error: T0410/);
    expect(out).toContain('$uppercase(amount)');
    expect(out).toMatch(/│ +\^/);
  });

  it('gives the same as JSON, with the causes', async () => {
    const { code, out } = await explained(body, { 'x-hub-signature-256': `sha256=${'a'.repeat(64)}` }, true);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      source: 'shop',
      kind: 'file',
      verified: false,
      causes: [{ cause: expect.stringContaining('it is a webhook of GitHub'), certain: false }, { certain: false }],
    });
  });

  it('needs the source of a file, and takes none with an id', async () => {
    const file = write('payload.json', body);
    const without = await call((context) => explain({ what: file }, context));
    expect(without).toMatchObject({ code: 2, err: expect.stringContaining('--source') });
    const both = await call((context) => explain({ what: 'dlv_1', source: 'shop' }, context));
    expect(both).toMatchObject({ code: 2, err: expect.stringContaining('go with a file') });
    const nobody = await call((context) => explain({ what: 'dlv_1', url: 'http://127.0.0.1:1' }, context));
    expect(nobody).toMatchObject({ code: 3 });
  });
});

const refused = {
  ...{ id: 'ref_1', source: 'shop', code: 'unverified', reason: 'the secret is another one', status: 401, bytes: 79 },
  ...{ received_at: received, method: 'POST', path: '/hooks/shop', advice: 'Check the secret.' },
};
const verdict = {
  ...{ verified: false, reason: 'it does not fit', steps: [{ step: 'secret', ok: false, text: 'it does not fit' }] },
  causes: [{ cause: 'white space around the secret', advice: 'Mend it.', certain: true }],
};

async function told(what: string, answers: Readonly<Record<string, unknown>>, json = false) {
  await using relay = await apiRelay(({ path }) => answers[path]);
  return await call((context) => explain({ what, url: relay.url }, context), json);
}

describe('trackrelay explain ID', () => {
  it('says why a request was refused, and whether it would be now', async () => {
    const still = await told('ref_1', { '/api/refused/ref_1': refused, '/api/refused/ref_1/verify': verdict });
    expect(still.out).toMatch(/✗ refused +401 unverified: the secret is another one/);
    expect(still.out).toContain('The cause\n  → white space around the secret\n    Mend it.');
    expect(still.code).toBe(1);
    const good = { ...verdict, verified: true, reason: null, steps: [], causes: [] };
    const mended = await told('ref_1', { '/api/refused/ref_1': refused, '/api/refused/ref_1/verify': good });
    expect(mended).toMatchObject({ code: 0, out: expect.stringMatching(/✓ now +it would be accepted/) });
  });

  it('without an id lists what was refused last, of one source if it is asked so', async () => {
    await using relay = await apiRelay(({ query }) => ({
      items:
        query.get('source') === 'silent' ? [] : [refused, { ...refused, id: 'ref_0', reason: 'too\u001b[31m old' }],
      next: null,
    }));
    const list = (source?: string, json = false) =>
      call((context) => explain({ what: null, url: relay.url, ...(source ? { source } : {}) }, context), json);
    const { code, out, err } = await list();
    expect(out.split('\n')).toEqual([
      'id     source  status  received                  reason',
      `ref_1  shop    401     ${received}  the secret is another one`,
      `ref_0  shop    401     ${received}  too\\u001b[31m old`,
      '',
    ]);
    expect({ code, err }).toEqual({ code: 0, err: 'Next: trackrelay explain ref_1\n' });
    expect(JSON.parse((await list('shop', true)).out)).toHaveLength(2);
    expect(await list('silent')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('No request') });
    expect(relay.asked.map(({ query }) => query.get('source'))).toEqual([null, 'shop', 'silent']);
  });

  it('says what it can of one that cannot be checked again', async () => {
    const { code, out } = await told('ref_1', { '/api/refused/ref_1': refused, '/api/refused/ref_1/verify': 409 });
    expect(out).toMatch(/· now +cannot be checked again: refused 409/);
    expect(out).toContain('Check the secret.');
    expect(code).toBe(1);
  });

  it('says what a delivery became, where each event is, and what the destination said', async () => {
    const whole = apiDelivery('dlv_1', {
      events: [
        apiEvent({ event: 'Paid', properties: {} }),
        apiEvent({ event: 'Late', properties: {} }, 'evt_1-1', { state: 'waiting', attempts: 2, last_words: 'busy' }),
      ],
      attempts: [
        {
          ...{ at: received, attempt: 2, status: 503, outcome: 'retry', reason: 'unavailable', message: 'busy' },
          destination: 'mixpanel',
        },
      ],
    });
    const { code, out } = await told('dlv_1', { '/api/deliveries/dlv_1': whole });
    expect(out).toMatch(/✓ event +Paid {2}delivered \(mixpanel\) {2}evt_1-0/);
    expect(out).toMatch(/· event +Late {2}waiting \(mixpanel\) after 2 attempts that failed: busy/);
    expect(out).toMatch(/· batch +\S+ {2}mixpanel, attempt 2: 503 busy/);
    expect(code).toBe(0);
  });

  it('shows the broken line of a delivery whose mapping failed, and what to do next', async () => {
    const message = 'T0410 at 2:3: Argument 1 of function "uppercase"';
    const letter = { id: 'ded_1', kind: 'mapping', reason: 'mapping_error', message, delivery: 'dlv_1' };
    const whole = apiDelivery('dlv_1', { state: 'failed', dead_letters: [letter] });
    const { code, out, err } = await told('dlv_1', { '/api/deliveries/dlv_1': whole });
    expect(out).toMatch(/✗ where +\S+shop\/mapping\.jsonata:2:3/);
    expect(out).toContain('"event": "Paid"');
    expect(err).toContain('trackrelay replay dlv_1');
    expect(code).toBe(1);
  });

  it('is 1 for one that nobody knows', async () => {
    expect(await told('dlv_2', {})).toMatchObject({ code: 1, out: '' });
    expect(await told('ref_2', {})).toMatchObject({ code: 1, out: '' });
  });
});
