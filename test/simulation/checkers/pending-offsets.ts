import type { Checker } from './checker.ts';
import { nameOf, transactionsOf } from './transactions.ts';

/**
 * While a transaction is open that has added an offset of a group, nobody reads on from the group's offset in that
 * partition. Judged by those that were committed: from the answer to the offset until the commit was asked they were open.
 */
export const pendingOffsets: Checker = {
  name: 'pending-offsets',
  promise: 'An offset in an open transaction blocks its partition until the end',
  check: (history) => {
    const transactions = transactionsOf(history);
    const reads = history.of('transform-read');
    return history.of('add-offsets').flatMap((added) => {
      const seen = transactions.get(nameOf({ id: added.producerId, epoch: added.epoch }));
      if (added.outcome !== 'ok' || !seen?.isCommitted) return [];
      const until = seen.commitBegin;
      return added.offsets.flatMap(({ log }) =>
        reads
          .filter(({ begin, end, records }) => {
            return begin > added.end && end < until && records.some((record) => record.log === log);
          })
          .map(({ member }) => `${member} read ${log} while transaction ${seen.name} had its offset`),
      );
    });
  },
};
