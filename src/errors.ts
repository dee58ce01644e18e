/**
 * Every error the relay can answer, refuse or bury with, in one table each: what it means and what to do.
 * README's tables are tested against these.
 */

type Refusal = {
  readonly status: number;
  readonly title: string;
  /** Said to the operator (log, console, README), never to the sender: it would help a forger. */
  readonly advice: string;
};

/** Refusals at the public door, answered as `application/problem+json`. */
export const refusals = {
  malformed: {
    status: 400,
    title: 'The body cannot be read',
    advice:
      'The signature was right, but the body is not what its content type says, is nested deeper than 64 or holds more than 20,000 values.',
  },
  unverified: {
    status: 401,
    title: 'Not verified',
    advice:
      'Check the secret, the registered URL and the clock; `trackrelay send` shows what a right request looks like.',
  },
  unknown_source: {
    status: 404,
    title: 'No such source',
    advice: 'There is no folder of that name in RELAY_MAPPINGS_DIR, or its source.yaml was refused: see health.',
  },
  method_not_allowed: { status: 405, title: 'Method not allowed', advice: 'Webhooks are POSTed.' },
  timeout: {
    status: 408,
    title: 'The request took too long',
    advice: 'Headers must arrive within 10 s and the whole body within 15 s.',
  },
  oversized: {
    status: 413,
    title: 'The body is too large',
    advice: 'Raise RELAY_MAX_BODY_BYTES when this provider really sends more.',
  },
  unsupported_type: {
    status: 415,
    title: 'Content type or encoding not supported',
    advice: 'JSON, JSON lines, forms, multipart and XML are read; gzip, deflate and br are inflated.',
  },
  limited: {
    status: 429,
    title: 'Too many requests',
    advice:
      'Raise limits.accept in source.yaml, or RELAY_REFUSED_PER_ADDRESS when it is refused requests that are too many.',
  },
  full: {
    status: 503,
    title: 'No room to keep this now',
    advice:
      'Waiting work fills RELAY_BUFFER_MAX_BYTES or the disk is nearly full: see health for what the destination says.',
  },
  unavailable: {
    status: 503,
    title: 'Cannot accept now',
    advice: 'The relay is starting or stopping, or its store failed: see the log.',
  },
  closed: {
    status: 503,
    title: 'This source is closed',
    advice: 'Its secret is missing: health names the variable to set.',
  },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof refusals;

/** Why a delivery or an event became a dead letter. */
export const deadLetterReasons = {
  mapping_error: 'The mapping threw an error; the message has its code and position.',
  mapping_timeout: 'The mapping ran longer than it may and was stopped.',
  mapping_crash: 'The mapping took the evaluator down (memory or recursion); tried once more alone, with the same end.',
  mapping_output:
    'The mapping gave something that is no event: not an object or a list of objects, or more than 10,000.',
  mapping_missing: 'The source has no mapping any more, or none that compiles.',
  invalid_event: "The event breaks one of the destination's rules; the message says which.",
  too_old:
    "The event is older than the five days that Mixpanel's /track takes, and /import is not used (MIXPANEL_IMPORT=never).",
  too_large: 'The event is larger than a request may be.',
  rejected: 'The destination refused the event; the message carries its words.',
  blocked:
    'The destination refused the event because the relay has no permission for it; give it, then send the event again.',
  unreadable_answer: 'The destination answered success with a body nobody understands, three times.',
  unknown_outcome:
    'The answer to an update that would count twice ($add, $append) was lost: it may have been counted, so it is not sent again.',
  gave_up: 'The event could not be delivered within RELAY_GIVE_UP_AFTER.',
  unknown_destination: 'The source names a destination that does not exist any more.',
} as const;

export type DeadLetterReason = keyof typeof deadLetterReasons;

/** A mistake of the operator's, said in words that name the thing to mend. The command ends with `exitCode`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly problems: readonly string[];
  readonly exitCode: number;
  constructor(problems: readonly string[], exitCode = 2) {
    super(problems.join('\n'));
    this.problems = problems;
    this.exitCode = exitCode;
  }
}
