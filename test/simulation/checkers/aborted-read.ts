import type { Checker } from './checker.ts';
import { transactionByRecord, transactionsOf } from './transactions.ts';

/**
 * Checker: a reader of committed records sees nothing of a transaction that was aborted, timed out, or never asked to
 * commit.
 */
export const abortedRead: Checker = {
  name: 'aborted-read',
  promise: 'Nothing of a transaction that was not committed is read as committed',
  check: (history) => {
    const transactions = transactionsOf(history);
    const byRecord = transactionByRecord(history);
    return history.of('fetch').flatMap(({ client, topic, partition, isolation, records }) => {
      if (isolation !== 'read_committed') return [];
      return records.flatMap(({ id, offset }) => {
        const name = byRecord.get(id);
        if (name === undefined || !transactions.get(name)!.isAborted) return [];
        return [
          `${client} read ${topic}/${partition}/${offset}, ${id} of transaction ${name}, which was not committed`,
        ];
      });
    });
  },
};
