import { keyOf, derivedFrom, parentOf, TRANSFORMED } from '../workload/derived.ts';
import { FANOUT } from '../workload/topology.ts';
import type { History } from '../history.ts';
import type { Checker } from './checker.ts';
import { finalLogs } from './logs.ts';

/**
 * Consume, transform, produce: at rest, when the last instance has handled all that was left, what follows from each record
 * that is read as committed is there once: as a record read as committed, or as a message, in each place that it goes to.
 */
export const exactlyOnce: Checker = {
  name: 'exactly-once',
  promise: 'What follows from each committed input is committed exactly once',
  check: (history) => {
    const broken: string[] = [];
    const found = foundByKey(history);
    const expected = new Set<string>();
    for (const [log, records] of finalLogs(history, 'read_committed')) {
      const [topic] = log.split('/') as [string];
      if (!TRANSFORMED.includes(topic)) continue;
      for (const [offset, id] of records) {
        for (const { to, key, topic: target, partition } of derivedFrom(topic, id)) {
          for (const place of placesOf(to, `${target}/${partition}`)) {
            expected.add(`${place} ${key}`);
            const ids = [...(found.get(`${place} ${key}`) ?? [])];
            if (ids.length !== 1)
              broken.push(
                `${log}/${offset}, ${id}: ${place} has ${key} ${ids.length} times: ${ids.join(', ')}`,
              );
          }
        }
      }
    }
    for (const [key, ids] of found)
      if (!expected.has(key)) broken.push(`${[...ids].join(', ')} follows from nothing that was committed`);
    return broken;
  },
};

const QUEUE = 'plain';

function placesOf(to: 'record' | 'queue' | 'exchange', log: string): string[] {
  if (to === 'record') return [log];
  return to === 'queue' ? [QUEUE] : [...FANOUT.queues, FANOUT.topic];
}

/** By place and key, which attempts at it are there. A record that is there twice counts twice. */
function foundByKey(history: History): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (place: string, id: string, isNew: boolean): void => {
    if (parentOf(id) === null) return;
    const key = `${place} ${keyOf(id)}`;
    const ids = found.get(key) ?? [];
    found.set(key, ids);
    if (isNew || !ids.includes(id)) ids.push(id);
  };
  for (const [log, records] of finalLogs(history, 'read_committed'))
    for (const id of records.values()) add(log, id, true);
  for (const [log, records] of finalLogs(history)) {
    const [topic] = log.split('/') as [string];
    if (topic === FANOUT.topic) for (const id of records.values()) add(topic, id, true);
  }
  for (const { queue, deliveries } of history.of('deliver'))
    for (const { id } of deliveries) add(queue.replace(/\.dlq$/, ''), id, false);
  return found;
}
