import { AMQP_QUEUE } from '../amqp/amqp-queue.ts';
import { publishedTo } from '../workload/topology.ts';
import { PUSHED } from '../workload/push/push-topology.ts';
import type { Checker } from './checker.ts';

/** Messages of it may go without having been seen, or by rules of their own, which another checker knows. */
const FORGETFUL = new Set([
  'bin',
  'ring-1',
  'mended',
  'nowhere',
  'fleeting',
  'handed',
  'steered',
  PUSHED.queue,
  AMQP_QUEUE,
]);

/**
 * A message that a queue has confirmed is delivered, from it or as a dead letter. What is never delivered at rest, when
 * every queue has been emptied, was lost.
 */
export const lostMessage: Checker = {
  name: 'lost-message',
  promise: 'A confirmed message is delivered until it is settled, or arrives as a dead letter',
  check: (history) => {
    const seen = new Set<string>();
    for (const { queue, deliveries } of history.of('deliver')) {
      for (const { id } of deliveries) seen.add(`${publishedTo(queue)} ${id}`);
    }
    const lost: string[] = [];
    for (const { queue, messages } of history.of('publish')) {
      if (FORGETFUL.has(queue)) continue;
      for (const { id, outcome } of messages) {
        if (outcome === 'stored' && !seen.has(`${queue} ${id}`)) lost.push(`queue ${queue} has lost ${id}`);
      }
    }
    return lost;
  },
};
