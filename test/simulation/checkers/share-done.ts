import { SHARED } from '../workload/share-topology.ts';
import type { Checker } from './checker.ts';

/** What is done is never handed out again, and every delivery has a higher count than those before it, up to the limit. */
export const shareDone: Checker = {
  name: 'share-done',
  promise: 'An accepted or archived record is never acquired again; delivery counts go up to the limit',
  check: (history) => {
    const broken: string[] = [];
    const done = new Map<string, { end: number; what: string }>();
    for (const { group, end, settlements } of history.of('share-settle')) {
      for (const { log, offset, kind, result } of settlements) {
        const isDone = result === 'accepted' || result === 'archived' || result === 'already_done';
        if (!isDone) continue;
        const place = `${group} ${log}/${offset}`;
        const known = done.get(place);
        if (!known || known.end > end) done.set(place, { end, what: `${kind}: ${result}` });
      }
    }
    const counts = new Map<string, { end: number; count: number }[]>();
    for (const { group, member, records, begin, end } of history.of('share-acquire')) {
      const { delivery_limit: limit } = SHARED.groups[group] as { delivery_limit: number };
      for (const { log, offset, count } of records) {
        const place = `${group} ${log}/${offset}`;
        const over = done.get(place);
        if (over && over.end < begin)
          broken.push(`${place} was given to ${member} after it was done (${over.what})`);
        if (count > limit) broken.push(`${place} was given to ${member} for the ${count}th time of ${limit}`);
        const earlier = counts.get(place) ?? [];
        counts.set(place, earlier);
        const higher = earlier.find((other) => other.end < begin && other.count >= count);
        if (higher)
          broken.push(`${place} had ${higher.count} deliveries, and later, for ${member}, ${count}`);
        earlier.push({ end, count });
      }
    }
    return broken;
  },
};
