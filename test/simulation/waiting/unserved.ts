/**
 * The invariant of those who wait, looked at between any two events: where an object has something to come back to by itself,
 * an alarm is set that is due in time. Work that is possible now and that nobody does is due now.
 */

import type { FaultRates } from '../faults.ts';
import type { ObjectHost } from '../platform/object-host.ts';
import { readerOf, type Due, type Look } from './due.ts';
import { dueInGroup } from './due-in-group.ts';
import { dueInPartition } from './due-in-partition.ts';
import { dueInQueue } from './due-in-queue.ts';
import { dueInSchedule } from './due-in-schedule.ts';
import { dueInTopology } from './due-in-topology.ts';
import { dueInTransaction } from './due-in-transaction.ts';

/** By class. A new class of objects that sets an alarm has to be here. */
const LOOKS: Record<string, (look: Look) => Due[]> = {
  Group: dueInGroup,
  Partition: dueInPartition,
  Queue: dueInQueue,
  Schedule: dueInSchedule,
  Topology: dueInTopology,
  Transaction: dueInTransaction,
};

/** A task that has failed runs again after it, in ms. */
const RETRY_MS = 31_000;
/** How much the clocks of two machines differ at most: an object that has moved keeps the alarm of the one before. */
const SKEW_MS = 121_000;
const ROUNDING_MS = 50;

/** What a look has found in order, by version. Time alone only makes it later. */
const inOrder = new WeakMap<ObjectHost, number>();
/** What it has to come back to depends on other objects too. */
const LOOKED_AT_ALWAYS = new Set(['Transaction']);

/** What is wrong, in words; null: nothing. */
export function unserved(
  host: ObjectHost,
  nowMs: number,
  rates: FaultRates,
  find: Look['find'],
): string | null {
  const look = LOOKS[host.className];
  if (!look || !host.isQuiet || host.isAlarmOnItsWay) return null;
  if (inOrder.get(host) === host.version && !LOOKED_AT_ALWAYS.has(host.className)) return null;
  const { alarmMs } = host.disk;
  const slackMs = ROUNDING_MS + (rates.storage > 0 ? RETRY_MS : 0) + (rates.clock > 0 ? SKEW_MS : 0);
  for (const { what, atMs, withinMs } of look({ host, sql: readerOf(host.disk), nowMs, rates, find })) {
    if (alarmMs !== null && alarmMs <= Math.max(atMs, nowMs) + withinMs + slackMs) continue;
    const due = atMs <= nowMs ? 'is due' : `is due in ${Math.round(atMs - nowMs)} ms`;
    const alarm =
      alarmMs === null ? 'no alarm is set' : `the alarm is due in ${Math.round(alarmMs - nowMs)} ms`;
    return `${host.label}: ${what} ${due}, and ${alarm}`;
  }
  inOrder.set(host, host.version);
  return null;
}
