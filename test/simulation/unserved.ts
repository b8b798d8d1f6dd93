/**
 * The invariant of those who wait, judged from the rows and sockets of an object between two events: if a queue has a ready
 * message, and somebody with room waits for it, an alarm is set that is due before the turn could be anybody's.
 */

import { readyCount } from '../../core/queue/state/queue-machine.ts';
import { QueueStore } from '../../durable-objects/queue/rows/queue-store.ts';
import { StoredQueue } from '../../durable-objects/queue/stored-queue.ts';
import type { Sql, SqlRow, SqlValue } from '../../durable-objects/storage/sql.ts';
import type { FaultRates } from './faults.ts';
import type { ObjectHost } from './platform/object-host.ts';
import type { Disk } from './platform/storage.ts';

/** A task that has failed runs again after it, in ms. */
const RETRY_MS = 31_000;
const ROUNDING_MS = 50;

interface Waiting {
  consumerId: string;
  prefetch?: number;
  endedLeases: number;
  isAnswered: boolean;
}

/** What is wrong, in words; null: nothing. */
export function unserved(host: ObjectHost, nowMs: number, rates: FaultRates): string | null {
  if (host.className !== 'Queue' || !host.isQuiet) return null;
  const waiting = host.openAttachments.map((attachment) => attachment as Waiting);
  if (waiting.every(({ isAnswered }) => isAnswered)) return null;
  const sql = readerOf(host.disk);
  const stored = new QueueStore(sql).readQueue();
  if (stored === null || stored.isPaused) return null;
  const queue = new StoredQueue(sql, stored.definition, false, nowMs);
  const { state } = queue;
  // Messages behind a key in use wait for its holder, and not for time.
  if (readyCount(state) === 0 || state.busyKeys.size > 0) return null;
  const hasRoom = ({ consumerId, prefetch, endedLeases, isAnswered }: Waiting): boolean =>
    !isAnswered && (prefetch === undefined || prefetch - endedLeases - queue.leasedBy(consumerId) > 0);
  const able = waiting.filter(hasRoom);
  const { single_active_consumer: isSingle, lease_ms: leaseMs } = state.config;
  const turnMs =
    isSingle && !(rates.clock > 0) ? Math.max(leaseMs, state.earliestExpiryMs - nowMs) : Infinity;
  if (able.length === 0 || (isSingle && state.leased > 0)) return null;
  const allowedMs = Math.max(isSingle ? turnMs : 0, rates.storage > 0 ? RETRY_MS : 0) + ROUNDING_MS;
  const { alarmMs } = host.disk;
  if (alarmMs !== null && alarmMs <= nowMs + allowedMs) return null;
  const alarm = alarmMs === null ? 'no alarm is set' : `the alarm is due in ${alarmMs - nowMs} ms`;
  return `${host.label} has ${readyCount(state)} ready messages, ${able[0]!.consumerId} waits, and ${alarm}`;
}

/** Reads only: what the simulated storage fails or counts it does not touch. */
function readerOf(disk: Disk): Sql {
  const all = <Row extends SqlRow>(text: string, ...values: SqlValue[]): Row[] =>
    disk.execute(text, values).rows as Row[];
  return {
    run: () => {
      throw new Error('the invariant only reads');
    },
    all,
    each: <Row extends SqlRow>(text: string, ...values: SqlValue[]) => all<Row>(text, ...values).values(),
    transaction: (action) => action(),
    meter: { rowsWritten: 0, rowsRead: 0 },
  };
}
