/**
 * Secrets we know are cut out of every text that leaves for people: log lines, answers of the private port. The last
 * net under "secrets are never put there": an error of somebody else's library may quote a URL or a header.
 */
export type Mask = {
  /** The secrets there are now; replaces those of before. */
  hide(secrets: Iterable<string>): void;
  apply(text: string): string;
};

/** Names of headers and fields whose values usually are secrets or proofs, whoever sends them. */
export const secretName = /signature|secret|token|passw|authorization|api[-_]?key|^key$|hmac|cookie|jwt|credential/i;

/** A shorter one would cut words to pieces; nobody's webhook secret is that short. */
const SECRET_LENGTH_MIN = 6;
/** Two hundred sources with ten secrets each; one pattern of all stays fast. */
const SECRETS_MAX = 2_000;

export function createMask(): Mask {
  let pattern: RegExp | null = null;
  return {
    hide(secrets) {
      const forms = new Set<string>();
      let taken = 0;
      for (const secret of secrets) {
        if (secret.length < SECRET_LENGTH_MIN) continue;
        if (++taken > SECRETS_MAX) throw new Error(`more than ${SECRETS_MAX} secrets`);
        for (const form of formsOf(secret)) forms.add(form);
      }
      // The longest first: a secret may begin with another.
      const sorted = [...forms].sort((a, b) => b.length - a.length);
      pattern = sorted.length === 0 ? null : new RegExp(sorted.map((form) => RegExp.escape(form)).join('|'), 'g');
    },
    apply: (text) => (pattern === null ? text : text.replace(pattern, '[masked]')),
  };
}

/** As it is, in a URL, in JSON, in a Basic header; of `user:password` also the password alone. */
function formsOf(secret: string): string[] {
  const password = secret.slice(secret.indexOf(':') + 1);
  const forms = [
    secret,
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ];
  if (password !== secret && password.length >= SECRET_LENGTH_MIN) forms.push(password);
  return forms;
}
