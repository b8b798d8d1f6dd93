import type { History, Produced } from '../history.ts';
import { isCompacted, tombstonesMs } from '../workload/kept-topics.ts';
import type { Checker } from './checker.ts';
import { finalLogs, placeOf } from './logs.ts';

type Stored = Produced['records'][number] & { log: string };

/**
 * Checker: a compacted topic removes a record only if a later one of its key is stored, or if it is an expired
 * tombstone. Removed records never come back.
 */
export const compaction: Checker = {
  name: 'compaction',
  promise: 'The latest record of each key stays, and what was compacted away never comes back',
  check: (history) => {
    const broken: string[] = [];
    const logs = finalLogs(history);
    const { known, doubtful } = storedRecords(history);
    const isSuperseded = ({ log, key, offset }: Stored): boolean =>
      known.some((other) => other.log === log && other.key === key && other.offset! > offset!) ||
      doubtful.some((other) => other.log === log && other.key === key);
    for (const record of known) {
      const { log, offset, id, key, isTombstone = false } = record;
      if (logs.get(log)?.get(offset!) === id || isTombstone || isSuperseded(record)) continue;
      broken.push(`${log}/${offset}, ${id}, is gone, and was the latest of key ${key}`);
    }
    const gone = new Map<string, number>();
    for (const { client, topic, partition, from, records, next, begin, end, knownMs = 0 } of history.of(
      'fetch',
    )) {
      if (!isCompacted(topic)) continue;
      const log = placeOf(topic, partition);
      const seen = new Set(records.map(({ offset }) => offset));
      const first = from ?? records[0]?.offset ?? next;
      for (const offset of seen) {
        if ((gone.get(`${log}/${offset}`) ?? Infinity) < begin)
          broken.push(`${client} read ${log}/${offset}, which had been compacted away`);
      }
      for (const record of known) {
        const { offset, timestamp, isTombstone, id } = record;
        const isInside = record.log === log && offset! >= first && offset! < next && record.end < begin;
        if (!isInside || seen.has(offset!)) continue;
        const place = `${log}/${offset}`;
        gone.set(place, Math.min(end, gone.get(place) ?? Infinity));
        const isEarly = isTombstone === true && knownMs < (timestamp ?? 0) + tombstonesMs(topic);
        if (isEarly && history.clocksAgree && !isSuperseded(record))
          broken.push(`the tombstone ${id} at ${place} was gone before its time`);
      }
    }
    return broken;
  },
};

/** Records whose offset somebody was told, and those that may be anywhere, or gone again. */
function storedRecords(history: History): { known: (Stored & { end: number })[]; doubtful: Stored[] } {
  const known: (Stored & { end: number })[] = [];
  const doubtful: Stored[] = [];
  for (const { topic, outcome, copies, records, end } of history.of('produce')) {
    if (!isCompacted(topic)) continue;
    for (const record of records) {
      const stored = { ...record, log: placeOf(topic, record.partition!) };
      if (outcome === 'ok') known.push({ ...stored, end });
      if (outcome === 'unknown' || copies > 1) doubtful.push(stored);
    }
  }
  return { known, doubtful };
}
