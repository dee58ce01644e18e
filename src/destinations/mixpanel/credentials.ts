/**
 * What the relay shows Mixpanel: the project token inside each event, which `/track` believes whatever it is, and for `/import` the
 * token or a service account as Basic, which is checked. So `/import` is where one can ask whether the token is any good.
 */
import type { Outcome } from '../../model.ts';
import type { Recognition } from '../contract.ts';

export type ServiceAccount = { readonly user: string; readonly secret: string; readonly projectId: string };

export type ImportCredentials = {
  readonly authorization: string;
  /** What follows `?strict=1`. */
  readonly query: string;
};

export type Credentials = {
  readonly forImport: ImportCredentials;
  /** All that can be wrong, the token first. */
  readonly all: readonly ImportCredentials[];
  /** What must not come back in messages, and what stands there instead. */
  readonly secrets: readonly (readonly [secret: string, instead: string])[];
};

/** A record of nothing: refused without being counted, but only for one whose credentials are good. */
export const NOTHING = Buffer.from('[{}]');

const TOKEN_ADVICE =
  '/track would say yes to every event and keep none: check the token, and that the region is where the project lives.';
const ACCOUNT_ADVICE = 'check the service account, its role (owner or admin) and the project_id.';

export function credentialsOf(token: string, account: ServiceAccount | null): Credentials {
  // The token alone names its project; another parameter beside it is not needed.
  const byToken = { authorization: basic(token, ''), query: '' };
  const forToken: readonly (readonly [string, string])[] = [
    [token, '[token]'],
    [encodedOf(byToken), '[token]'],
  ];
  if (account === null) return { forImport: byToken, all: [byToken], secrets: forToken.filter(isLookedFor) };
  const query = `&project_id=${encodeURIComponent(account.projectId)}`;
  const byAccount = { authorization: basic(account.user, account.secret), query };
  const forAccount: readonly (readonly [string, string])[] = [
    [account.secret, '[secret]'],
    [encodedOf(byAccount), '[secret]'],
  ];
  const secrets = [...forToken, ...forAccount].filter(isLookedFor);
  return { forImport: byAccount, all: [byToken, byAccount], secrets };
}

/** `ask`: sends a record of nothing with these. */
export async function recognise(
  { all }: Credentials,
  ask: (one: ImportCredentials) => Promise<{ readonly outcome: Outcome; readonly status: number | null }>,
): Promise<Recognition> {
  let unknown: Recognition | null = null;
  for (const [place, one] of all.entries()) {
    const { outcome, status } = await ask(one);
    const said = readRecognition(outcome, status, place === 0 ? TOKEN_ADVICE : ACCOUNT_ADVICE);
    if (said.kind === 'refused') return said;
    if (said.kind === 'unknown') unknown ??= said;
  }
  return unknown ?? { kind: 'known' };
}

/** Only what is certain counts as refused: a proxy that does not let `/import` through must not stop the events. */
function readRecognition(outcome: Outcome, status: number | null, advice: string): Recognition {
  switch (outcome.kind) {
    case 'delivered':
    case 'partial':
      return { kind: 'known' };
    case 'split':
      // The record of nothing was refused for being nothing; other refusals are somebody else's.
      return status === 200 || status === 400 ? { kind: 'known' } : { kind: 'unknown', answered: true };
    case 'pause':
      return outcome.reason === 'unauthorized' || outcome.reason === 'token_refused'
        ? { kind: 'refused', message: `${outcome.message}; ${advice}` }
        : { kind: 'unknown', answered: status !== null };
    case 'retry':
      // A busy or broken destination says so for a while; it may be asked again soon.
      return { kind: 'unknown', answered: false };
  }
}

export function withoutSecrets(text: string, secrets: Credentials['secrets']): string {
  return secrets.reduce((left, [secret, instead]) => left.replaceAll(secret, instead), text);
}

function isLookedFor([secret]: readonly [string, string]): boolean {
  return secret !== '';
}

function basic(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}

function encodedOf({ authorization }: ImportCredentials): string {
  return authorization.slice('Basic '.length);
}
