/** What is wrong in the mappings folder, and where to look. */
export type Problem = {
  readonly source: string;
  /** As the user knows it: `stripe/mapping.jsonata`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly code?: string;
  readonly token?: string;
  /** Only when a case differs. */
  readonly case?: string;
  readonly differences?: readonly Difference[];
};

export type Difference = {
  /** `0.properties.amount` */
  readonly path: string;
  /** JSON; the word `nothing` when there is none. */
  readonly expected: string;
  readonly got: string;
};
