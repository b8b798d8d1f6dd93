import type { Checker } from './checker.ts';

/** Looked at between any two events (unserved.ts), and noted once for each queue. */
export const unserved: Checker = {
  name: 'unserved',
  promise: 'Nobody waits for a message that is ready without an alarm that is due',
  check: (history) => history.of('unserved').map(({ what }) => what),
};
