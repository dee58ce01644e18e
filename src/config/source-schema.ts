/**
 * The shape of source.yaml (contract §3), as a schema. It judges values after `${NAME}` was filled in; sentences here
 * never repeat a value, because it may be a secret.
 */
import { z } from 'zod';
import { type Parsed, parseDuration, parseRate } from './kinds.ts';

/** Text with a meaning: a duration, a rate. The message is the parser's. */
function parsedText<T>(parse: (text: string) => Parsed<T>) {
  return z.string().transform((text, context) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.problem });
    return z.NEVER;
  });
}

/** Header names (RFC 9110 tokens), compared in lower case everywhere. */
const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, 'must be the name of a header')
  .toLowerCase();
const queryName = z.string().min(1, 'must not be empty').max(100, 'must be at most 100 characters');
const secretText = z.string().min(1, 'must not be empty').max(65_536, 'must be at most 65536 characters');
const name = z.string().min(1, 'must not be empty').max(63, 'must be at most 63 characters');
/** `none: {}` and `none:` are the same. */
const nothing = z.preprocess((value) => value ?? {}, z.strictObject({}));

const tolerance = parsedText((text) => {
  const parsed = parseDuration(text);
  return parsed.ok && parsed.value === 0 ? { ok: false, problem: 'must be longer than 0' } : parsed;
});

const url = z.string().refine(
  (text) => {
    const parsed = URL.parse(text);
    return parsed !== null && /^https?:\/\/[^/]/i.test(text) && !text.includes('#') && text.length <= 2_000;
  },
  { message: 'must be an http:// or https:// address' },
);

const answer = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{3}$/, 'must be a 2xx status')
      .transform(Number),
  ])
  .refine((status) => Number.isInteger(status) && status >= 200 && status <= 299, {
    message: 'must be a 2xx status',
  });

const keep = z.enum(['full', 'masked', 'none']).default('full');

const hmac = z.strictObject({
  algorithm: z.enum(['sha1', 'sha256', 'sha512']),
  header: headerName,
  encoding: z.enum(['hex', 'base64', 'base64url']),
  prefix: z.string().max(100, 'must be at most 100 characters').default(''),
  signed: z.string().min(1, 'must not be empty').max(1_000, 'must be at most 1000 characters').default('{body}'),
  timestamp: z.strictObject({ header: headerName, unit: z.enum(['s', 'ms', 'rfc3339']) }).optional(),
  key: z.enum(['utf8', 'base64', 'hex']).default('utf8'),
});

const verify = z.strictObject({
  hmac: hmac.optional(),
  token: z.strictObject({ header: headerName.optional(), query: queryName.optional() }).optional(),
  basic: nothing.optional(),
  path_key: nothing.optional(),
  none: nothing.optional(),
});

export const sourceSchema = z.strictObject({
  provider: name,
  secret: secretText.optional(),
  /** Rotation needs two; ten is somebody's list of everything. */
  secrets: z.array(secretText).min(1, 'must name at least one').max(10, 'must be at most ten').optional(),
  url: url.optional(),
  tolerance: tolerance.optional(),
  destination: z
    .union([name, z.array(name).min(1, 'must name at least one').max(20, 'must be at most twenty')])
    .optional(),
  keep,
  answer: answer.optional(),
  weight: z
    .number('must be a number from 1 to 100')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(100, 'must be at most 100')
    .optional(),
  limits: z
    .strictObject({ accept: parsedText(parseRate).optional(), forward: parsedText(parseRate).optional() })
    .optional(),
  verify: verify.optional(),
  delivery_id: z.string().min(1, 'must not be empty').max(2_000, 'must be at most 2000 characters').optional(),
});

export type SourceFields = z.output<typeof sourceSchema>;

/** Keys that may stand at each place, for "did you mean". */
export const keysAt: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(sourceSchema.shape),
  limits: ['accept', 'forward'],
  verify: Object.keys(verify.shape),
  'verify.hmac': Object.keys(hmac.shape),
  'verify.hmac.timestamp': ['header', 'unit'],
  'verify.token': ['header', 'query'],
};
