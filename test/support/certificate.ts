/** A certificate that signs itself (RFC 5280), written byte by byte: what a provider would publish, made in the test. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type MadeCertificate = { readonly pem: string; readonly privateKey: KeyObject };

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

export function makeCertificate(commonName: string, from: number, to: number): MadeCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const toBeSigned = sequence(
    of(0xa0, of(0x02, bytes('02'))),
    of(0x02, bytes('01')),
    algorithm,
    name(commonName),
    sequence(time(from), time(to)),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = of(0x03, bytes('00'), sign('sha256', toBeSigned, privateKey));
  const base64 = sequence(toBeSigned, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g)?.join('\n');
  return { pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, privateKey };
}
