/** Something wrong in a file of the user's, with the place to look at. Lines and columns count from 1. */
export type Diagnostic = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** A sentence; never holds a secret's value. */
  readonly message: string;
  readonly code?: string;
};
