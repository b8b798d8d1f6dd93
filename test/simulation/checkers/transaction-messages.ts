/** Helpers of the checkers of messages in transactions. */

import type { History } from '../history.ts';
import { finalLogs } from './logs.ts';
import { nameOf } from './transactions.ts';

export interface MessageHeld {
  id: string;
  transaction: string;
  queues: string[];
  topics: string[];
  /** The transaction has acknowledged it. */
  isHeld: boolean;
}

export function heldMessages(history: History): Map<string, MessageHeld> {
  const held = new Map<string, MessageHeld>();
  for (const { producerId, epoch, queues, topics, ids, outcome } of history.of('hold-messages')) {
    const transaction = nameOf({ id: producerId, epoch });
    for (const id of ids) {
      const isHeld = outcome === 'ok' || (held.get(id)?.isHeld ?? false);
      held.set(id, { id, transaction, queues, topics, isHeld });
    }
  }
  return held;
}

export interface Arrival {
  id: string;
  /** The queue that it was published to, or the topic. */
  where: string;
  /** What tells it from another with the same id. */
  place: string;
  /** It was there when this ended. */
  end: number;
}

/** Where messages were seen, each place once for each reading. */
export function* arrivals(history: History): IterableIterator<Arrival> {
  for (const { queue, end, deliveries } of history.of('deliver')) {
    const where = queue.replace(/\.dlq$/, '');
    for (const { id, tag, count } of deliveries) {
      // What was tried again, or died, has another place.
      const isFirst = count === 1 && where === queue;
      yield { id, where, end, place: isFirst ? tag.split('-').slice(0, 3).join('-') : '' };
    }
  }
  for (const { topic, end, records, isFinal } of history.of('fetch'))
    if (!isFinal) for (const { id } of records) yield { id, where: topic, end, place: '' };
  for (const [log, records] of finalLogs(history))
    for (const [offset, id] of records)
      yield { id, where: log.split('/')[0]!, end: Infinity, place: `${log}/${offset}` };
}
