import type { Checker } from './checker.ts';
import { hasGaps } from '../workload/topology.ts';
import { finalLogs, logStarts, placeOf } from './logs.ts';

/** Checker: offsets are dense, and none is used twice. */
export const denseOffsets: Checker = {
  name: 'dense-offsets',
  promise: 'Offsets are dense and never reused',
  check: (history) => {
    const broken: string[] = [];
    const starts = logStarts(history);
    for (const [log, records] of finalLogs(history)) {
      let expected = starts.get(log)!;
      for (const offset of [...records.keys()].sort((a, b) => a - b)) {
        if (offset !== expected && !hasGaps(log.split('/')[0]!))
          broken.push(`${log}: after ${expected - 1} comes ${offset}`);
        expected = offset + 1;
      }
    }
    const given = new Map<string, string>();
    for (const { outcome, topic, producer, records } of history.of('produce')) {
      if (outcome !== 'ok') continue;
      for (const { id, partition, offset } of records) {
        if (partition === null || offset === null) continue;
        const place = `${placeOf(topic, partition)}/${offset}`;
        const other = given.get(place);
        if (other !== undefined && (other !== id || producer === null))
          broken.push(`${place} was given to ${other} and to ${id}`);
        given.set(place, id);
      }
    }
    return broken;
  },
};
