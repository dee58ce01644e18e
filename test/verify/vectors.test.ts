/** Every vector through the real HTTP door, with the clock passed in: what is right is believed, what is not is 401. */
import { afterAll, describe, expect, it } from 'vitest';
import { described } from '../../src/verify/described.ts';
import { providers } from '../../src/verify/registry.ts';
import { openVectorDoor } from '../support/vector-door.ts';
import { bodyOf, clockOf, secretsOf, type Vector, vectors } from '../support/vectors.ts';

const door = await openVectorDoor();
afterAll(() => door[Symbol.asyncDispose]());

const known = vectors.filter(({ provider }) => providers.has(provider));
const valid = known.filter((vector) => vector.valid);
const events = valid.filter((vector) => !vector.handshake);
/** One for each provider that can be turned about: its body is one that the relay takes. */
const first = new Map<string, Vector>();
for (const vector of events) {
  const parses = (vector.headers['content-type'] ?? vector.body ?? '').match(/^(application|text|multipart|\s*[[{])/);
  if (parses && !first.has(vector.provider)) first.set(vector.provider, vector);
}
const samples = [...new Set([...first.values(), ...events.filter(({ turned }) => turned)])];
/** Seconds that the signed time may be off; null: no time is signed. */
const toleranceOf = ({ provider, untimed }: Vector) =>
  untimed ? null : described(providers.get(provider) as never).tolerance_seconds;
/** With another character at the beginning, in the middle or at the end. */
const misspelt = (text: string) =>
  [0, Math.floor(text.length / 2), text.length - 1].map(
    (at) => text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1),
  );

describe('the vectors', () => {
  it.each(valid)('$id is believed', async (vector) => {
    const answer = await door.post(vector);
    expect(answer.status, answer.reason).not.toBe(401);
    // A text that is no JSON is proven and then refused: 400 or 415, as a hello from a page about signatures is.
    expect([200, 202, 204, 400, 415]).toContain(answer.status);
    if (vector.status !== undefined) expect(answer.status).toBe(vector.status);
    if (vector.answer !== undefined) expect(answer.body).toBe(vector.answer);
  });

  it.each(known.filter((vector) => !vector.valid))('$id is refused', async (vector) => {
    expect((await door.post(vector)).status).toBe(401);
  });

  it('are of providers that there are', () => {
    expect(vectors.filter(({ provider }) => !providers.has(provider)).map(({ id }) => id)).toEqual([]);
  });

  it('are there for every provider, at least one that is accepted', () => {
    expect([...providers.keys()].filter((name) => name !== 'custom' && !first.has(name))).toEqual([]);
  });
});

describe.each(samples)('a webhook of $provider ($id)', (vector) => {
  const post = (change: Parameters<typeof door.post>[1] = {}) => door.post(vector, change);

  it('is accepted, and kept once however often it comes when it has an id', async () => {
    const source = await door.fresh(vector);
    const answers = [await post({ source }), await post({ source })];
    expect(answers.map(({ status }) => status)).toEqual([vector.status ?? answers[0]?.status, answers[0]?.status]);
    const keys = door.keptBy(source).map(({ key }) => key);
    expect(keys.length).toBe(keys[0] == null ? 2 : 1);
    expect(answers[0]?.status).toBeLessThan(300);
  });

  it('is refused with any other secret, and accepted with a second one beside the right one', async () => {
    const secrets = secretsOf(vector);
    if (secrets.length === 0) return;
    const other = door.otherSecret(vector);
    expect((await post({ source: await door.fresh(vector, [other]) })).status).toBe(401);
    expect((await post({ source: await door.fresh(vector, [other, ...secrets]) })).status).toBeLessThan(300);
  });

  it('is refused with another body, longer, shorter, or with a bit turned', async () => {
    if (vector.body_unsigned) return;
    const body = bodyOf(vector);
    const turned = Array.from({ length: 12 }, (_, at) => {
      const copy = Buffer.from(body);
      const place = Math.floor((at * body.length) / 12);
      copy[place] = (copy[place] ?? 0) ^ 1;
      return copy;
    });
    for (const changed of [...turned, Buffer.concat([body, Buffer.from(' ')]), body.subarray(1)]) {
      expect((await post({ body: changed })).status, changed.toString('latin1')).toBe(401);
    }
  });

  it('is refused with any character of its proof changed, or without it', async () => {
    const proofs = door.proofsOf(vector).filter((name) => !vector.unsigned_headers?.includes(name));
    for (const name of proofs) {
      const value = vector.headers[name] as string;
      for (const changed of misspelt(value)) {
        expect((await post({ headers: { [name]: changed } })).status, `${name}: ${changed}`).toBe(401);
      }
      expect((await post({ headers: { [name]: undefined } })).status, `without ${name}`).toBe(401);
      // A header that comes twice is no more than two claims.
      expect((await post({ headers: { [name]: `${value}, ${value}` } })).status, `${name} twice`).toBe(401);
    }
  });

  it('is refused with any character of what is signed in the body changed, or without it', async () => {
    const body = bodyOf(vector).toString('latin1');
    for (const text of vector.signed_texts ?? []) {
      const at = body.indexOf(text);
      expect(at, `${text} is in the body`).not.toBe(-1);
      for (const changed of [...misspelt(text), '']) {
        const bytes = Buffer.from(body.slice(0, at) + changed + body.slice(at + text.length), 'latin1');
        expect((await post({ body: bytes })).status, changed).toBe(401);
      }
    }
  });

  it('is refused with any character of a proof in its query changed, twice or without it', async () => {
    for (const name of door.queryProofsOf(vector)) {
      const fields = new URLSearchParams(vector.query);
      const value = fields.get(name) as string;
      const queries = misspelt(value).map(
        (changed) => `${new URLSearchParams({ ...Object.fromEntries(fields), [name]: changed })}`,
      );
      fields.append(name, value);
      queries.push(`${fields}`);
      fields.delete(name);
      queries.push(`${fields}`);
      for (const query of queries) expect((await post({ query })).status, query).toBe(401);
    }
  });

  it('is refused when its time is past the window, before or after', async () => {
    const tolerance = toleranceOf(vector);
    if (tolerance === null) return;
    for (const seconds of [tolerance + 2, -tolerance - 2]) {
      expect((await post({ now: clockOf(vector) + seconds * 1000 })).status, `${seconds} s`).toBe(401);
    }
  });

  it('is refused by another method with 405 that says which it may be', async () => {
    const answer = await post({ method: 'PUT' });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toMatch(/^POST/);
  });
});
