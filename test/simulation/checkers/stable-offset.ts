import type { Checker } from './checker.ts';
import { placeOf } from './logs.ts';
import { transactionsOf } from './transactions.ts';

/**
 * A reader of committed records gets nothing at or after the last stable offset, which never moves back, and nothing at or
 * after the first record of a transaction that is still open: one whose commit, which came to pass, nobody had asked for.
 */
export const stableOffset: Checker = {
  name: 'stable-offset',
  promise: 'Nothing beyond the last stable offset is read as committed',
  check: (history) => {
    const broken: string[] = [];
    const stables = new Map<string, { at: number; stable: number }[]>();
    const committed = [...transactionsOf(history).values()].filter(({ isCommitted }) => isCommitted);
    for (const event of history.of('fetch')) {
      const { client, topic, partition, isolation, stable, next, records, begin, end } = event;
      if (isolation !== 'read_committed' || stable === null) continue;
      const log = placeOf(topic, partition);
      const last = records.at(-1)?.offset ?? -1;
      if (last >= stable || next > stable)
        broken.push(
          `${client} read ${log} up to ${Math.max(last + 1, next)}, past what is stable: ${stable}`,
        );
      const earlier = stables.get(log) ?? [];
      stables.set(log, earlier);
      const higher = earlier.find((other) => other.at < begin && other.stable > stable);
      if (higher) broken.push(`${log} was stable up to ${higher.stable} and later, for ${client}, ${stable}`);
      if (stable > (earlier.at(-1)?.stable ?? -1)) earlier.push({ at: end, stable });
      for (const { name, stored, commitBegin } of committed) {
        if (end > commitBegin) continue;
        const open = stored.find(
          (record) => record.log === log && record.end < begin && record.offset <= last,
        );
        if (open)
          broken.push(`${client} read ${log}/${last} while transaction ${name}, at ${open.offset}, was open`);
      }
    }
    return broken;
  },
};
