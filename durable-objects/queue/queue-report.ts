/** Queue report: what a queue tells the overview of itself. */

import type { ObjectReport } from '../../core/overview/object-report.ts';
import { deadLetterQueueOf } from '../../core/topology/queues/queues.ts';
import { isOver } from '../../core/queue/publish/limits.ts';
import type { QueueDescription } from '../rpc/queue.ts';
import type { Told } from '../runtime/change-reporter.ts';
import type { Open } from './time/queue-tasks.ts';

/** @param held messages that it held when it woke */
export function reportOfQueue(
  { definition: { name, id, config }, queue: { state } }: Open,
  description: QueueDescription,
  held: number,
): Told<Extract<ObjectReport, { kind: 'queue' }>> {
  const { meter, alerts, storage_bytes: stored_bytes } = description;
  const { ready, leased, parked, outgoing, bytes, oldest_ms, consumers, is_paused } = description;
  return {
    kind: 'queue',
    name,
    id,
    counters: {
      published: Math.max(0, meter.published - held),
      delivered: meter.delivered,
      acked: meter.settled,
      expired: meter.expired,
      dropped: meter.dropped,
      replayed: meter.replayed,
      records: 0,
      rows_written: meter.rows_written,
      dead_letters: state.counters.deaths,
    },
    state: {
      ready,
      leased,
      parked,
      outgoing,
      bytes,
      stored_bytes,
      oldest_ms,
      consumers,
      is_paused,
      is_full: isOver(state, 1, 0),
      dead_letter_queue: deadLetterQueueOf(name, config),
      outgoing_problem: description.outgoing_problem,
      firing: alerts.filter(({ state: phase }) => phase === 'firing').map(({ alert }) => alert),
    },
  };
}
