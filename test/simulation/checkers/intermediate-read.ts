import type { Checker } from './checker.ts';
import { placeOf } from './logs.ts';
import { transactionByRecord, transactionsOf } from './transactions.ts';

/** Checker: a committed read with a part of a transaction has all parts in its range (G1b). */
export const intermediateRead: Checker = {
  name: 'intermediate-read',
  promise: 'A reading of committed records leaves out no part of a transaction that it has read',
  check: (history) => {
    const transactions = transactionsOf(history);
    const byRecord = transactionByRecord(history);
    return history
      .of('fetch')
      .flatMap(({ client, topic, partition, isolation, from, start, next, records }) => {
        if (isolation !== 'read_committed') return [];
        const log = placeOf(topic, partition);
        const read = new Set(records.map(({ id }) => id));
        const names = new Set(records.flatMap(({ id }) => byRecord.get(id) ?? []));
        return [...names].flatMap((name) =>
          transactions
            .get(name)!
            .stored.filter((one) => one.log === log && one.offset >= (from ?? start) && one.offset < next)
            .filter(({ id }) => !read.has(id))
            .map(
              ({ id, offset }) =>
                `${client} read some of transaction ${name}, but not ${id} at ${log}/${offset}`,
            ),
        );
      });
  },
};
