import { isCompacted } from '../workload/kept-topics.ts';
import { hasGaps } from '../workload/topology.ts';
import type { Checker } from './checker.ts';
import { placeOf } from './logs.ts';

/**
 * A fetch from a time begins with the first record at or after it, one from the end after all that was acknowledged; none
 * gives more than was asked for, and none gives nothing if there is something.
 */
export const fetchFrom: Checker = {
  name: 'fetch-from',
  promise:
    'A fetch begins where it was asked to, by time or at the end, and gives what there is, up to what was asked for',
  check: (history) => {
    const broken: string[] = [];
    const times = new Map<string, Map<number, number>>();
    for (const { topic, partition, records } of history.of('fetch')) {
      const log = placeOf(topic, partition);
      const known = times.get(log) ?? new Map<number, number>();
      times.set(log, known);
      for (const { offset, timestamp } of records) known.set(offset, timestamp);
    }
    const ends = new Map<string, { offset: number; end: number }[]>();
    for (const { topic, outcome, records, end } of history.of('produce')) {
      if (outcome !== 'ok') continue;
      for (const { partition, offset } of records) {
        const log = placeOf(topic, partition!);
        ends.set(log, ends.get(log) ?? []);
        ends.get(log)!.push({ offset: offset!, end });
      }
    }
    for (const event of history.of('fetch')) {
      const {
        client,
        topic,
        partition,
        seek = null,
        from,
        records,
        next,
        high,
        start,
        recordsMax,
        begin,
      } = event;
      const log = placeOf(topic, partition);
      if (recordsMax !== undefined && records.length > recordsMax)
        broken.push(`${client} asked for ${recordsMax} records of ${log}, and was given ${records.length}`);
      if (!hasGaps(topic) && seek === null && records.length === 0 && (from ?? start) < high)
        broken.push(`${client} was given nothing of ${log} from ${from ?? start}, though it ends at ${high}`);
      const first = records[0]?.offset ?? next;
      if (seek === 'latest') {
        const last = ends.get(log)?.find((record) => record.end < begin && record.offset >= first);
        if (last && records.length > 0)
          broken.push(`${client} began at the end of ${log} with ${first}, and ${last.offset} was there`);
      } else if (seek !== null) {
        // One that waited at the end is given what comes, whatever its time.
        const wasThere = ends.get(log)?.some((record) => record.offset === first && record.end < begin);
        if (wasThere && records[0] !== undefined && records[0].timestamp < seek)
          broken.push(`${client} asked ${log} for ${seek} ms and was given ${records[0].timestamp} ms`);
        for (const [offset, timestamp] of isCompacted(topic) ? [] : times.get(log)!) {
          if (timestamp >= seek && offset >= start && offset < first)
            broken.push(
              `${client} asked ${log} for ${seek} ms, began at ${first}, and ${offset} has ${timestamp}`,
            );
        }
      }
    }
    return broken;
  },
};
