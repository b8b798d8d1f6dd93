/** Helpers of several checkers: logs. */

import type { Fetched, History } from '../history.ts';

export const placeOf = (topic: string, partition: number): string => `${topic}/${partition}`;

/** What was read at rest: by partition, the id at each offset. */
export function finalLogs(
  history: History,
  isolation: Fetched['isolation'] = 'read_uncommitted',
): Map<string, Map<number, string>> {
  const logs = new Map<string, Map<number, string>>();
  for (const event of history.of('fetch')) {
    if (!event.isFinal || event.isolation !== isolation) continue;
    const { topic, partition, records } = event;
    const log = logs.get(placeOf(topic, partition)) ?? new Map<number, string>();
    logs.set(placeOf(topic, partition), log);
    for (const { offset, id } of records) log.set(offset, id);
  }
  return logs;
}

/** The first offset of each partition at rest. */
export function logStarts(history: History): Map<string, number> {
  const finals = history.of('fetch').filter(({ isFinal }) => isFinal);
  return new Map(finals.map(({ topic, partition, start }) => [placeOf(topic, partition), start]));
}
