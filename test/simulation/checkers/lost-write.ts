import { isCompacted } from '../workload/kept-topics.ts';
import type { Checker } from './checker.ts';
import { finalLogs, logStarts, placeOf } from './logs.ts';

/** Checker: an acknowledged append is readable at its offset after any crash, unless it was deleted. */
export const lostWrite: Checker = {
  name: 'lost-write',
  promise: 'An acknowledged append is readable at its offset after any crash',
  check: (history) => {
    const logs = finalLogs(history);
    const starts = logStarts(history);
    return history.of('produce').flatMap(({ outcome, topic, records }) => {
      if (outcome !== 'ok' || isCompacted(topic)) return [];
      return records.flatMap(({ id, partition, offset }) => {
        if (partition === null || offset === null) return [`${id} was acknowledged without an offset`];
        const log = placeOf(topic, partition);
        if (offset < (starts.get(log) ?? 0)) return [];
        const found = logs.get(log)?.get(offset);
        if (found === id) return [];
        return [`${id} was acknowledged at ${log}/${offset}, where there is ${found ?? 'nothing'}`];
      });
    });
  },
};
