import { isCompacted } from '../workload/kept-topics.ts';
import type { Checker } from './checker.ts';
import { finalLogs, logStarts, placeOf } from './logs.ts';

/** What one request sends to one partition is there as a whole or not at all, and together. */
export const wholeBatch: Checker = {
  name: 'whole-batch',
  promise: 'What a request sends to a partition is stored whole, one record after another, or not at all',
  check: (history) => {
    const broken: string[] = [];
    const starts = logStarts(history);
    const offsets = new Map<string, number[]>();
    for (const [log, records] of finalLogs(history)) {
      for (const [offset, id] of records)
        offsets.set(`${log} ${id}`, [...(offsets.get(`${log} ${id}`) ?? []), offset]);
    }
    for (const { topic, records, copies } of history.of('produce')) {
      // If somebody does not know where his records went, others of them may lie in between.
      const isUnclear = copies > 1 || records.some(({ partition }) => partition === null);
      if (isCompacted(topic) || isUnclear) continue;
      const byPartition = Map.groupBy(records, ({ partition }) => partition);
      for (const [partition, share] of byPartition) {
        const log = placeOf(topic, partition!);
        const found = share.flatMap(({ id }) => offsets.get(`${log} ${id}`) ?? []);
        if (found.length === 0) continue;
        const first = Math.min(...found);
        // Its head may have been deleted.
        const isCut = first === starts.get(log) && found.length < share.length;
        const isWhole = found.length === share.length || isCut;
        if (!isWhole || found.some((offset, index) => offset !== first + index))
          broken.push(`of ${share.map(({ id }) => id).join(', ')} ${log} has ${found.join(', ')}`);
      }
    }
    return broken;
  },
};
