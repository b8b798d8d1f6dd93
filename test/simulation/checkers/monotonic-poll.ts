import type { Checker } from './checker.ts';
import { hasGaps } from '../workload/topology.ts';
import { placeOf } from './logs.ts';

/**
 * A poll gives the records from where it was asked to begin, one after another, and says where to go on. The end of a log,
 * once seen, is never further back for one who asks later.
 */
export const monotonicPoll: Checker = {
  name: 'monotonic-poll',
  promise: 'Polls go forward without gaps, and the end of a log never moves back',
  check: (history) => {
    const broken: string[] = [];
    const ends = new Map<string, { at: number; high: number }[]>();
    for (const event of history.of('fetch')) {
      const { client, topic, partition, from, seek = null, records, next, high, start, begin, end } = event;
      const mayStep = hasGaps(topic);
      const log = placeOf(topic, partition);
      let expected = from ?? (seek === null ? start : (records[0]?.offset ?? next));
      for (const { offset } of records) {
        if (offset < expected || (offset > expected && !mayStep))
          broken.push(`${client} at ${log}/${expected} was given ${offset}`);
        expected = offset + 1;
      }
      if (next < expected || (next > expected && !mayStep))
        broken.push(`${client} at ${log}/${expected} was told to go on at ${next}`);
      if (next > high) broken.push(`${client} read ${log} up to ${next}, past its end ${high}`);
      const earlier = ends.get(log) ?? [];
      ends.set(log, earlier);
      const higher = earlier.find((other) => other.at < begin && other.high > high);
      if (higher) broken.push(`the end of ${log} was ${higher.high} and later, for ${client}, ${high}`);
      const last = earlier.at(-1);
      if (!last || high > last.high) earlier.push({ at: end, high });
    }
    return broken;
  },
};
