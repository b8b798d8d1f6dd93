import { isRing } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

/**
 * Checker: a message that only the broker moves never reaches a queue twice, even if dead-letter queues form a ring.
 */
export const deadLetterCycle: Checker = {
  name: 'dead-letter-cycle',
  promise: 'The history of a dead letter never cycles',
  check: (history) => {
    const broken: string[] = [];
    const copies = new Map<string, number>();
    for (const { queue, copies: count, messages } of history.of('publish'))
      if (isRing(queue)) for (const { id } of messages) copies.set(id, count);
    // What a consumer rejects may go round: somebody has looked at it.
    const rejected = new Set(
      history
        .of('settle')
        .flatMap(({ queue, settlements }) =>
          isRing(queue) ? settlements.filter(({ kind }) => kind === 'reject').map(({ id }) => id) : [],
        ),
    );
    const places = new Map<string, Set<string>>();
    for (const { queue, deliveries } of history.of('deliver')) {
      if (!isRing(queue)) continue;
      for (const { id, tag, count } of deliveries) {
        if (rejected.has(id)) continue;
        if (queue.endsWith('.dlq'))
          broken.push(`${id} went round until it had used up its hops, to ${queue}`);
        if (count > 1) continue; // what was tried again has another place
        const seen = places.get(`${queue} ${id}`) ?? new Set();
        places.set(`${queue} ${id}`, seen.add(tag.split('-').slice(0, 3).join('-')));
      }
    }
    for (const [message, seen] of places) {
      if (seen.size > (copies.get(message.split(' ')[1]!) ?? 1))
        broken.push(`${message} came ${seen.size} times: ${[...seen].join(', ')}`);
    }
    return broken;
  },
};
