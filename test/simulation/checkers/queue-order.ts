import type { History } from '../history.ts';
import { isReplayed } from '../workload/queue-topology.ts';
import { isSteered } from '../workload/late-queues.ts';
import { configOf, isRing } from '../workload/topology.ts';
import type { Checker } from './checker.ts';

interface Sent {
  id: string;
  priority: number;
  /** Its place in the request. */
  index: number;
  begin: number;
  end: number;
  /** When it was first asked for, and when it was known. */
  askedAt: number;
  knownAt: number;
}

/**
 * Nobody is given a message while one that goes before it is ready: of a higher priority, or of the same and published
 * before. Ready it is from its confirmation until somebody asks for what brings it the first time.
 */
export const queueOrder: Checker = {
  name: 'queue-order',
  promise: 'A queue delivers by priority, and in the order of publishing within each',
  check: (history) => {
    const broken: string[] = [];
    for (const [queue, messages] of firstDeliveries(history)) {
      for (const later of messages) {
        for (const earlier of messages) {
          if (earlier.priority < later.priority || earlier.end >= later.askedAt) continue;
          const isBefore =
            earlier.priority > later.priority ||
            earlier.end < later.begin ||
            (earlier.begin === later.begin && earlier.index < later.index);
          if (isBefore && earlier.askedAt > later.knownAt)
            broken.push(
              `queue ${queue} gave ${later.id} while ${earlier.id}, which goes before it, was ready`,
            );
        }
      }
    }
    return broken;
  },
};

function firstDeliveries(history: History): Map<string, Sent[]> {
  const first = new Map<string, { askedAt: number; knownAt: number }>();
  for (const { queue, begin, end, consumer, deliveries } of history.of('deliver')) {
    // What a stream brings was chosen at a time that nobody knows.
    if (consumer.startsWith('stream-')) continue;
    for (const { id, count } of deliveries)
      if (count === 1) first.set(`${queue} ${id}`, { askedAt: begin, knownAt: end });
  }
  const queues = new Map<string, Sent[]>();
  for (const { queue, copies, begin, end, messages } of history.of('publish')) {
    if (copies > 1 || isRing(queue) || isReplayed(queue) || isSteered(queue)) continue;
    messages.forEach(({ id, key, isDelayed, outcome, priority = 0 }, index) => {
      const delivery = first.get(`${queue} ${id}`);
      // An ordering key holds messages back.
      if (!delivery || outcome !== 'stored' || isDelayed || key !== null) return;
      const most = configOf(queue).max_priority ?? 0;
      const sent = { id, priority: Math.min(priority, most), index, begin, end, ...delivery };
      queues.set(queue, [...(queues.get(queue) ?? []), sent]);
    });
  }
  return queues;
}
