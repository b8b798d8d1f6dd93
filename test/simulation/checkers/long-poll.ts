import type { Checker } from './checker.ts';

/** Longer than an answer is under way, if nothing fails, and than a router goes on looking. */
const LATE_MS = 2_500;

/** Checker: a waiting reader is answered as soon as there is a record, not only when the time is over. */
export const longPoll: Checker = {
  name: 'long-poll',
  promise: 'Who waits for records is answered when they come',
  check: (history) =>
    history
      .of('long-poll')
      .flatMap(({ by, id, ids, lateMs }) =>
        ids.includes(id) && lateMs < LATE_MS
          ? []
          : [`${by} that waited for ${id} was given ${ids.join(', ') || 'nothing'}, ${lateMs} ms after it`],
      ),
};
