import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { sandboxSecrets } from '../../src/config/sandbox-secrets.ts';
import { parseSourceFile } from '../../src/config/source-file.ts';
import { createVerifier } from '../../src/verify/verifier.ts';
import { knownProviders } from '../../src/wiring/known-providers.ts';
import { root, temporaryFolder } from '../support/program.ts';

const nothing = () => undefined;
const stripe = `provider: stripe\nsecret: \${STRIPE_WEBHOOK_SECRET}\n`;

function parse(text: string, folder: string, lookup: (name: string) => string | undefined = nothing) {
  const parsed = parseSourceFile(text, {
    name: 'it',
    file: 'it/source.yaml',
    lookup: sandboxSecrets({ folder, lookup }).lookupFor(text),
    providers: knownProviders,
    destinations: null,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.source;
}

describe('sandbox secrets', () => {
  it('fill what is missing, and stay the same after a restart', () => {
    using folder = temporaryFolder('secrets');
    const first = parse(stripe, folder.path);
    expect(first.missing).toEqual([]);
    expect(first.secrets[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(parse(stripe, folder.path).secrets).toEqual(first.secrets);
  });

  it('differ from one variable to the next', () => {
    using folder = temporaryFolder('secrets');
    const [one, two] = parse(`provider: stripe\nsecrets: ["\${A}", "\${B}"]\n`, folder.path).secrets;
    expect(one).not.toBe(two);
  });

  it('leave alone what is set', () => {
    using folder = temporaryFolder('secrets');
    expect(parse(stripe, folder.path, () => 'whsec_own').secrets).toEqual(['whsec_own']);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('are readable by their owner alone', () => {
    using folder = temporaryFolder('secrets');
    parse(stripe, folder.path);
    const path = join(folder.path, 'sandbox-secrets/STRIPE_WEBHOOK_SECRET');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder.path, 'sandbox-secrets'))).toEqual(['STRIPE_WEBHOOK_SECRET']);
  });

  it('are not made for what is no secret', () => {
    using folder = temporaryFolder('secrets');
    const source = parse(`${stripe}url: https://\${HOST}/hooks\n`, folder.path);
    expect(source.missing).toEqual(['HOST']);
    expect(readdirSync(join(folder.path, 'sandbox-secrets'))).toEqual(['STRIPE_WEBHOOK_SECRET']);
  });

  it('are not made when they may only be read', () => {
    using folder = temporaryFolder('secrets');
    const lookup = sandboxSecrets({ folder: folder.path, lookup: nothing, create: false }).lookupFor(stripe);
    expect(lookup('STRIPE_WEBHOOK_SECRET')).toBeUndefined();
    const { secrets } = parse(stripe, folder.path);
    expect(lookup('STRIPE_WEBHOOK_SECRET')).toBe(secrets[0]);
  });

  it.each([
    ...['stripe', 'github', 'shopify', 'slack', 'standard-webhooks'].map((name) => `provider: ${name}`),
    'provider: custom\nverify: { token: { header: x-key } }',
    'provider: custom\nverify: { path_key: {} }',
    'provider: custom\nverify: { basic: {} }',
    ...['utf8', 'base64', 'hex'].map(
      (key) => `provider: custom\nverify: { hmac: { algorithm: sha256, header: x-sig, encoding: hex, key: ${key} } }`,
    ),
  ])('are good keys for %j, also behind a prefix', (text) => {
    using folder = temporaryFolder('secrets');
    for (const secret of [`\${KEY}`, ...(text.includes('standard') ? [`whsec_\${KEY}`] : [])]) {
      const source = parse(`${text}\nsecret: "${secret}"\n`, folder.path);
      const verifier = createVerifier(source, { publicUrl: null });
      const request = { method: 'POST', target: '/hooks/it', headers: {}, body: Buffer.from('{}') };
      const signed = verifier.sign(request, 1_800_000_000_000);
      const pathKey = /^\/hooks\/it\/(.+)$/.exec(signed.target)?.[1] ?? null;
      const whole = { ...request, ...signed, query: {}, pathKey, parsed: () => undefined };
      expect(verifier.check(whole, 1_800_000_000_000)).toMatchObject({ ok: true });
    }
  });

  it('are taken as they are when somebody wrote one', () => {
    using folder = temporaryFolder('secrets');
    mkdirSync(join(folder.path, 'sandbox-secrets'));
    writeFileSync(join(folder.path, 'sandbox-secrets/STRIPE_WEBHOOK_SECRET'), 'mine\n');
    expect(parse(stripe, folder.path).secrets).toEqual(['mine']);
  });

  it('say so when they cannot be kept', () => {
    using folder = temporaryFolder('secrets');
    writeFileSync(join(folder.path, 'sandbox-secrets'), 'in the way');
    expect(() => parse(stripe, folder.path)).toThrow(/sandbox secret .*STRIPE_WEBHOOK_SECRET/);
  });

  it('are the same for processes that make them at once', async () => {
    using folder = temporaryFolder('secrets');
    chmodSync(folder.path, 0o755);
    const script = `import { sandboxSecrets } from ${JSON.stringify(join(root, 'src/config/sandbox-secrets.ts'))};
      const text = ${JSON.stringify(stripe)};
      const kept = sandboxSecrets({ folder: ${JSON.stringify(folder.path)}, lookup: () => undefined });
      process.stdout.write(kept.lookupFor(text)('STRIPE_WEBHOOK_SECRET'));`;
    const node = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    const seen = await Promise.all(Array.from({ length: 6 }, node));
    expect(new Set(seen.map(({ stdout }) => stdout)).size).toBe(1);
    expect(readFileSync(join(folder.path, 'sandbox-secrets/STRIPE_WEBHOOK_SECRET'), 'utf8').trim()).toBe(
      seen[0]?.stdout,
    );
  });
});
