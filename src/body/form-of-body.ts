/**
 * What a provider says about its bodies that their content type does not. Plain values that survive JSON, because the
 * evaluator is told the same as the door: both must read one body alike.
 */
export type BodyForm = {
  /** JSON is sent as text/plain (SNS, CloudEvents). */
  readonly plainTextIsJson?: boolean;
  /** What is called JSON may be JSON lines (Auth0's log streams). */
  readonly lines?: boolean;
  /** One field of the form is the content, and the rest of the form is dropped (Mandrill, Braintree). */
  readonly unwrap?: Unwrap;
};

export type Unwrap = { readonly field: string; readonly as: 'json' | 'base64-xml' };
