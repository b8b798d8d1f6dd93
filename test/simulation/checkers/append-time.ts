import type { Checker } from './checker.ts';

/** Checker: while clocks agree, a topic with append time never gives a later record an earlier time. */
export const appendTime: Checker = {
  name: 'append-time',
  promise: 'Append times do not go back while clocks agree',
  check: (history) => {
    if (!history.clocksAgree) return [];
    const broken: string[] = [];
    const stamps = new Map<number, number>();
    for (const { topic, records } of history.of('fetch'))
      if (topic === 'stamped') for (const { offset, timestamp } of records) stamps.set(offset, timestamp);
    for (const [offset, timestamp] of stamps) {
      const before = stamps.get(offset - 1) ?? 0;
      if (before > timestamp)
        broken.push(`stamped/0/${offset} has ${timestamp} ms, the one before it ${before} ms`);
    }
    return broken;
  },
};
