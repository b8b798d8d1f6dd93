/** Queue status: builds the replies that say how many messages a queue has. */

import { concatenate } from '../../protocol/bytes.ts';
import { encodeBatch, type RecordInput } from '../../protocol/record-batch/index.ts';
import { heldBytes, readyCount } from '../../core/queue/state/queue-machine.ts';
import { READY_MESSAGES_HEADER } from '../../protocol/headers/media-types.ts';
import type { QueueDescription } from '../rpc/queue.ts';
import type { StoredQueue } from './stored-queue.ts';

/** What the object knows and its messages do not tell. */
type OfObject = Pick<QueueDescription, 'outgoing_problem' | 'consumers' | 'alerts' | 'storage_bytes'> &
  Pick<QueueDescription['meter'], 'rows_written' | 'rows_read' | 'commits' | 'since'>;

export function describeQueue(
  queue: StoredQueue,
  { outgoing_problem, consumers, alerts, storage_bytes, ...meter }: OfObject,
): QueueDescription {
  const { counters, leased, parked, isPaused } = queue.state;
  return {
    ready: readyCount(queue.state),
    leased,
    parked,
    outgoing: queue.outgoing,
    outgoing_problem,
    lost: queue.discarded,
    bytes: heldBytes(queue.state),
    oldest_ms: queue.oldestMs(),
    consumers,
    is_paused: isPaused,
    alerts,
    storage_bytes,
    meter: {
      ...meter,
      published: counters.published,
      delivered: counters.delivered,
      settled: counters.settled,
      dead_lettered: counters.deadLettered,
      expired: counters.expired,
      dropped: counters.dropped,
      replayed: counters.replayed,
    },
  };
}

/** Messages as batches, as they are looked at. */
export function batchesOf(messages: readonly { records: RecordInput[] }[]): Uint8Array {
  return concatenate(messages.map(({ records }) => encodeBatch(records)));
}

/** The reply that has deliveries. @param counted whose ready messages are counted in it; null: nobody asked */
export function frameReply(frame: Uint8Array, counted: { queue: StoredQueue } | null): Response {
  const headers = counted && { [READY_MESSAGES_HEADER]: String(readyCount(counted.queue.state)) };
  return new Response(frame as Uint8Array<ArrayBuffer>, { ...(headers && { headers }) });
}
