import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';
import { transactionsOf } from './transactions.ts';

/** Checker: at rest a reader of committed records finds all of a transaction or nothing, and all of a committed one. */
export const atomicity: Checker = {
  name: 'atomicity',
  promise: 'A transaction is read as committed in all partitions or in none; a committed one in all',
  check: (history) => {
    const logs = finalLogs(history, 'read_committed');
    const broken: string[] = [];
    for (const { name, stored, isCommitted } of transactionsOf(history).values()) {
      const missing = stored.filter(({ id, log, offset }) => logs.get(log)?.get(offset) !== id);
      const isSeen = missing.length < stored.length;
      if (missing.length === 0 || !(isCommitted || isSeen)) continue;
      const [first] = missing;
      const what = isCommitted ? 'was committed' : `is there in ${stored.length - missing.length} records`;
      broken.push(
        `transaction ${name} ${what}, but ${first!.id} is not read at ${first!.log}/${first!.offset}`,
      );
    }
    return broken;
  },
};
