import { RETENTION_BYTES, RETENTION_MS } from '../workload/kept-topics.ts';
import type { Checker } from './checker.ts';
import { placeOf } from './logs.ts';

const SKEW_MS = 60_000;
/** A record that is due waits for the next look, and for those stored with it. */
const LATE_MS = 330_000;
/** The most that is removed at once: a segment that small appends have filled. */
const SEGMENT_BYTES = 32 * 1024 + 30_000;

/** Retention removes what is too old or too much, from the start, and nothing else. */
export const retention: Checker = {
  name: 'retention',
  promise: 'Retention removes records whose time is over, or what is more than may stay, and nothing else',
  check: (history) => {
    const broken: string[] = [];
    const stamped = new Map<string, number>();
    for (const { topic, outcome, records } of history.of('produce')) {
      if (topic !== 'brief' || outcome !== 'ok') continue;
      for (const { partition, offset, timestamp } of records)
        stamped.set(`${placeOf(topic, partition!)}/${offset}`, timestamp!);
    }
    const skewMs = history.clocksAgree ? 0 : SKEW_MS;
    for (const { topic, partition, start, records, isFinal, knownMs = 0 } of history.of('fetch')) {
      if (topic !== 'brief') continue;
      const log = placeOf(topic, partition);
      for (let offset = start - 1; offset >= 0; offset--) {
        const timestamp = stamped.get(`${log}/${offset}`);
        if (timestamp !== undefined && timestamp + RETENTION_MS > knownMs + skewMs)
          broken.push(
            `${log}/${offset} was removed ${timestamp + RETENTION_MS - knownMs} ms before its time`,
          );
      }
      const old = records.find(({ timestamp }) => timestamp < knownMs - RETENTION_MS - LATE_MS);
      if (isFinal && old) broken.push(`${log}/${old.offset}, ${old.id}, is there after its time`);
    }
    for (const { topic, partition, start, bytes, isFinal } of history.of('partition-state')) {
      const log = placeOf(topic, partition);
      if (start > 0 && bytes < RETENTION_BYTES) broken.push(`${log} has kept ${bytes} bytes only`);
      if (isFinal && bytes >= RETENTION_BYTES + SEGMENT_BYTES) broken.push(`${log} has kept ${bytes} bytes`);
    }
    return broken;
  },
};
