import { derivedFrom, keyOf } from '../workload/derived.ts';
import type { OffsetsSeen } from '../history.ts';
import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';

/**
 * At rest the committed offset covers a record if and only if what follows from it is committed, and is waiting for no
 * transaction any more; and whoever looks finds it further on than who looked before.
 */
export const groupProgress: Checker = {
  name: 'group-progress',
  promise: 'An offset committed in a transaction covers a record if and only if its results are committed',
  check: (history) => {
    const broken: string[] = [];
    const highest = new Map<string, { end: number; offset: number }[]>();
    for (const { offsets, begin, end } of history.of('see-offsets')) {
      for (const { log, offset } of offsets) {
        const earlier = highest.get(log) ?? [];
        highest.set(log, earlier);
        const higher = earlier.find((other) => other.end < begin && other.offset > (offset ?? 0));
        if (higher)
          broken.push(`the committed offset of ${log} went back from ${higher.offset} to ${offset}`);
        if (offset !== null && offset > (earlier.at(-1)?.offset ?? 0)) earlier.push({ end, offset });
      }
    }
    const final = history.of('see-offsets').find(({ isFinal }) => isFinal);
    if (!final) return broken;
    const logs = finalLogs(history, 'read_committed');
    const results = resultsBefore(final, history.of('produce'), logs);
    for (const { log, offset, isPending } of final.offsets) {
      if (isPending) broken.push(`the offset of ${log} waits for a transaction at rest`);
      for (const [at, id] of logs.get(log) ?? []) {
        const isCovered = at < (offset ?? 0);
        for (const { to, key } of derivedFrom(log.split('/')[0]!, id)) {
          if (to !== 'record' || results.has(key) === isCovered) continue;
          const what = isCovered ? 'covers' : 'does not cover';
          const is = isCovered ? 'not committed' : 'committed';
          broken.push(`the offset ${offset} ${what} ${log}/${at}, ${id}, but ${key} is ${is}`);
        }
      }
    }
    return broken;
  },
};

/** What is committed of what was sent before the last instance began. */
function resultsBefore(
  { begin }: OffsetsSeen,
  produced: readonly { begin: number; records: { id: string }[] }[],
  logs: ReadonlyMap<string, ReadonlyMap<number, string>>,
): Set<string> {
  const early = new Set(
    produced.flatMap((event) => (event.begin < begin ? event.records.map(({ id }) => id) : [])),
  );
  const results = new Set<string>();
  for (const records of logs.values()) {
    for (const id of records.values()) {
      const key = keyOf(id);
      if (key !== null && early.has(id)) results.add(key);
    }
  }
  return results;
}
