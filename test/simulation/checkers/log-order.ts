import type { Checker } from './checker.ts';
import { placeOf } from './logs.ts';

/** Checker: in a partition, a record that was acknowledged before another one was sent comes before it. */
export const logOrder: Checker = {
  name: 'log-order',
  promise: 'Within a partition, order is publish order',
  check: (history) => {
    const broken: string[] = [];
    /** By partition: the highest offset acknowledged, with when. */
    const highest = new Map<string, { end: number; offset: number; id: string }[]>();
    const produced = history.of('produce').filter(({ outcome, copies }) => outcome === 'ok' && copies === 1);
    for (const { topic, begin, end, records } of produced) {
      const here = new Map<string, number>();
      for (const { id, partition, offset } of records) {
        const log = placeOf(topic, partition!);
        const before = here.get(log);
        if (before !== undefined && offset! <= before)
          broken.push(`${log}: ${id} at ${offset} follows ${before} of its request`);
        here.set(log, offset!);
        const earlier = highest.get(log) ?? [];
        highest.set(log, earlier);
        const later = earlier.find((other) => other.end < begin && other.offset > offset!);
        if (later)
          broken.push(
            `${log}: ${id} at ${offset} was sent after ${later.id} at ${later.offset} was acknowledged`,
          );
        if (offset! > (earlier.at(-1)?.offset ?? -1)) earlier.push({ end, offset: offset!, id });
      }
    }
    return broken;
  },
};
