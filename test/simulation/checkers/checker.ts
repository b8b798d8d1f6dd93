/** Checker interface: one promise, and the events of a history that break it. */

import type { History } from '../history.ts';

export interface Checker {
  name: string;
  /** The promise, in a sentence. */
  promise: string;
  /** One sentence for each violation. */
  check: (history: History) => string[];
}
