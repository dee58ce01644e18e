/** `provider: custom`: the `verify` block of a source turned into the same data that providers are made of. */
import type { CustomHmac, CustomVerification } from '../model.ts';
import type { Preparation } from './checker.ts';
import type { Part, ProofForm, SignedScheme, TimestampForm } from './scheme.ts';

type Remarks = Pick<Preparation, 'problems' | 'warnings'>;

/** What an HTTP header may be called (RFC 9110 §5.6.2), in lower case. */
const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

export function customProof(verification: CustomVerification, remarks: Remarks): ProofForm {
  if (verification.kind === 'hmac') return { kind: 'signature', schemes: [customScheme(verification.hmac, remarks)] };
  if (verification.kind === 'token' && 'header' in verification) {
    return { kind: 'token', header: readHeaderName(verification.header, 'verify.token.header', remarks) };
  }
  return verification;
}

function customScheme(hmac: CustomHmac, remarks: Remarks): SignedScheme {
  const timestamp: TimestampForm | null = hmac.timestamp && {
    header: readHeaderName(hmac.timestamp.header, 'verify.hmac.timestamp.header', remarks),
    unit: hmac.timestamp.unit,
  };
  const message = readTemplate(hmac.signed, remarks);
  const holds = (name: string) => message.some((part) => name in part);
  if (timestamp === null && holds('timestamp')) {
    remarks.problems.push(
      'verify.hmac.signed names {timestamp}, but verify.hmac.timestamp does not say where it stands',
    );
  }
  const timeSigned =
    holds('timestamp') ||
    message.some(
      (part) => 'header' in part && timestamp !== null && 'header' in timestamp && part.header === timestamp.header,
    );
  if (timestamp !== null && !timeSigned) {
    remarks.warnings.push('the time is not part of what is signed: whoever repeats a webhook can change it');
  }
  if (!holds('body')) remarks.warnings.push('the body is not part of what is signed: it can be changed on the way');
  return {
    signature: {
      form: 'plain',
      header: readHeaderName(hmac.header, 'verify.hmac.header', remarks),
      prefix: hmac.prefix,
    },
    digests: [{ algorithm: hmac.algorithm, encoding: hmac.encoding, key: { encoding: hmac.key } }],
    timestamp,
    message,
  };
}

/** `{timestamp}.{body}` as parts. Braces that name nothing are a mistake, not text: no known provider signs braces. */
function readTemplate(template: string, remarks: Remarks): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const match of template.matchAll(/\{([^{}]*)\}/g)) {
    if (match.index > from) parts.push({ literal: template.slice(from, match.index) });
    from = match.index + match[0].length;
    const part = readPart(match[1] ?? '', remarks);
    if (part !== null) parts.push(part);
    else
      remarks.problems.push(
        `verify.hmac.signed: ${match[0]} is none of {body} {timestamp} {url} {method} {header:NAME}`,
      );
  }
  if (from < template.length) parts.push({ literal: template.slice(from) });
  return parts;
}

function readPart(name: string, remarks: Remarks): Part | null {
  if (name.startsWith('header:')) return { header: readHeaderName(name.slice(7), 'verify.hmac.signed', remarks) };
  switch (name) {
    case 'body':
      return { body: true };
    case 'timestamp':
      return { timestamp: true };
    case 'url':
      return { url: true };
    case 'method':
      return { method: true };
    default:
      return null;
  }
}

function readHeaderName(name: string, where: string, remarks: Remarks): string {
  const lower = name.trim().toLowerCase();
  if (!headerName.test(lower)) remarks.problems.push(`${where}: "${name}" is no header name`);
  return lower;
}
