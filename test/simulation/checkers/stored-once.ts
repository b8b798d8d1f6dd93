import { SHARED } from '../workload/share-topology.ts';
import { isFleeting, isReplayed } from '../workload/queue-topology.ts';
import { isSteered } from '../workload/late-queues.ts';
import { diedIn, isRing } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/** What was sent to a queue once, straight or through an exchange, has one place in it. */
export const storedOnce: Checker = {
  name: 'stored-once',
  promise: 'A message that was sent once is in each of its queues once',
  check: (history) => {
    const copies = new Map<string, number>();
    for (const { queue, copies: count, messages } of history.of('publish'))
      for (const { id } of messages) copies.set(`${queue} ${id}`, count);
    const places = new Map<string, Set<string>>();
    for (const { queue, deliveries } of history.of('deliver')) {
      // Dead letters are judged by others.
      if (
        queue === SHARED.deadLetters ||
        diedIn(queue) !== null ||
        isRing(queue) ||
        isReplayed(queue) ||
        isSteered(queue) ||
        isFleeting(queue)
      )
        continue;
      for (const { id, tag, count } of deliveries) {
        // What was tried again has another place.
        if (count > 1) continue;
        const known = places.get(`${queue} ${id}`) ?? new Set();
        places.set(`${queue} ${id}`, known.add(tag.split('-').slice(0, 3).join('-')));
      }
    }
    return [...places].flatMap(([message, known]) =>
      known.size > (copies.get(message) ?? 1) ? [`${message} is there as ${[...known].join(', ')}`] : [],
    );
  },
};
