/**
 * Certificates (RFC 5280), written byte by byte: one that signs itself, as a provider would publish it; an authority of one's own, and a server's
 * that it signed.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type MadeCertificate = { readonly commonName: string; readonly pem: string; readonly privateKey: KeyObject };
/** `by`: the authority that signs, else itself. `host`: the server's name, which a client compares. */
type Kind = { readonly authority?: true; readonly by?: MadeCertificate; readonly host?: string };

const of = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};
const sequence = (...parts: readonly Uint8Array[]) => of(0x30, ...parts);
const bytes = (hex: string) => Buffer.from(hex, 'hex');
/** sha256WithRSAEncryption, without parameters. */
const algorithm = sequence(of(0x06, bytes('2a864886f70d01010b')), of(0x05));
const name = (commonName: string) =>
  sequence(of(0x31, sequence(of(0x06, bytes('550403')), of(0x0c, Buffer.from(commonName)))));
/** GeneralizedTime: 20231114221320Z. */
const time = (ms: number) => of(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\..*$/g, '')}Z`));

/** Object identifier, whether it must be understood, value. */
const extension = (id: string, critical: boolean, value: Uint8Array) =>
  sequence(of(0x06, bytes(id)), ...(critical ? [of(0x01, bytes('ff'))] : []), of(0x04, value));

function extensionsOf({ authority, host }: Kind): readonly Buffer[] {
  const basicConstraints = authority && extension('551d13', true, sequence(of(0x01, bytes('ff'))));
  const names = host !== undefined && extension('551d11', false, sequence(of(0x82, Buffer.from(host))));
  const all = [basicConstraints, names].filter((one) => Buffer.isBuffer(one));
  return all.length === 0 ? [] : [of(0xa3, sequence(...all))];
}

export function makeCertificate(commonName: string, from: number, to: number, kind: Kind = {}): MadeCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const issuer = kind.by ?? { commonName, privateKey };
  const toBeSigned = sequence(
    of(0xa0, of(0x02, bytes('02'))),
    of(0x02, bytes('01')),
    algorithm,
    name(issuer.commonName),
    sequence(time(from), time(to)),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...extensionsOf(kind),
  );
  const signature = of(0x03, bytes('00'), sign('sha256', toBeSigned, issuer.privateKey));
  const base64 = sequence(toBeSigned, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g)?.join('\n');
  return { commonName, pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, privateKey };
}
