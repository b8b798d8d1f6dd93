/** A checker: one promise, and what of a history breaks it. */

import type { History } from '../history.ts';

export interface Checker {
  name: string;
  /** The promise, in a sentence. */
  promise: string;
  /** One sentence for each violation. */
  check: (history: History) => string[];
}
