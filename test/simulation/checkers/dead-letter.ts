import { isFleeting, isReplayed } from '../workload/queue-topology.ts';
import { diedIn, isRing } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** Checker: a dead letter arrives at least once, and is stored once. */
export const deadLetter: Checker = {
  name: 'dead-letter',
  promise: 'A dead letter arrives, and only once',
  check: (history) => {
    const broken: string[] = [];
    const copies = new Map<string, number>();
    for (const { queue, copies: count, messages } of history.of('publish')) {
      for (const { id } of messages) copies.set(`${queue} ${id}`, count);
    }
    for (const { topic, copies: count, records } of history.of('produce')) {
      for (const { id } of records) copies.set(`${topic} ${id}`, count);
    }
    const arrived = new Map<string, Set<string>>();
    for (const { queue, deliveries } of history.of('deliver')) {
      const source = diedIn(queue);
      if (source === null) continue;
      for (const { id, tag, count } of deliveries) {
        const places = arrived.get(`${source} ${id}`) ?? new Set();
        arrived.set(`${source} ${id}`, places);
        // What was tried again has another place.
        if (count === 1) places.add(tag.split('-').slice(0, 3).join('-'));
      }
    }
    for (const [message, places] of arrived) {
      const most = copies.get(message) ?? 1;
      if (places.size > most)
        broken.push(`the dead letter ${message} arrived ${places.size} times: ${[...places].join(', ')}`);
    }
    for (const { queue, settlements } of history.of('settle')) {
      if (queue.endsWith('.dlq') || isRing(queue) || isReplayed(queue) || isFleeting(queue)) continue;
      for (const { id, result } of settlements) {
        if (result === 'dead_lettered' && !arrived.has(`${queue} ${id}`)) {
          broken.push(`${id} of queue ${queue} was dead-lettered and has not arrived`);
        }
      }
    }
    return broken;
  },
};
