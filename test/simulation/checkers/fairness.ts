import type { Checker } from './checker.ts';

/** Checker: looked at between any two events (waiting/fairness.ts). */
export const fairness: Checker = {
  name: 'fairness',
  promise: 'Streams with room are served in turn',
  check: (history) => history.of('unfair').map(({ what }) => what),
};
