/**
 * Settlement of runs of messages. An ack of messages that were delivered once is the usual case: it takes one step for a
 * whole lease.
 */

import { endLease, finish, inFlightAt, readyCount, type QueueMachine } from '../state/queue-machine.ts';
import { noteSeen } from '../deliver/single-active.ts';
import { settle, type Outcome, type SettleContext, type Settlement } from './settle.ts';

/** One settlement of the messages `[start, end)`, all of one delivery. */
export interface SettleRun {
  queueId: number;
  lane: number;
  start: number;
  end: number;
  delivery: number;
  settlement: Settlement;
}

/** Settles the run and returns the outcome of each message, in order: the same as `settle` for each message alone. */
export function settleRun(state: QueueMachine, run: SettleRun, context: SettleContext): Outcome[] {
  const { queueId, lane, end, delivery, settlement } = run;
  const outcomes: Outcome[] = [];
  for (let offset = run.start; offset < end;) {
    const ackedEnd = settlement.kind === 'ack' ? ackPlain(state, run, offset, context) : offset;
    if (ackedEnd === offset) {
      outcomes.push(settle(state, { queueId, lane, offset, delivery }, settlement, context));
      offset += 1;
    } else {
      for (; offset < ackedEnd; offset++) outcomes.push('settled');
    }
  }
  return outcomes;
}

/** Whether nobody would get a message if these were settled at once: they are acks of a consumer that keeps up. */
export function freesNothing(state: QueueMachine, runs: readonly SettleRun[]): boolean {
  return readyCount(state) === 0 && runs.every(({ settlement }) => settlement.kind === 'ack');
}

/**
 * Acks messages from the offset to the end of a plain lease of a first delivery. Returns the offset after them, or the same
 * offset if there are none.
 */
function ackPlain(
  state: QueueMachine,
  { lane: number, end, delivery }: SettleRun,
  offset: number,
  { consumerId, nowMs }: SettleContext,
): number {
  const lane = state.lanes[number];
  if (!lane || offset >= lane.cursor || delivery !== 1) return offset;
  const segment = inFlightAt(lane, offset);
  if (!segment?.extent.isPlain || segment.hasAttempts) return offset;
  const lease = segment.leaseAt(offset);
  if (!lease || (consumerId !== undefined && lease.consumerId !== consumerId)) return offset;
  const ackedEnd = Math.min(end, lease.end);
  noteSeen(state, lease.consumerId, nowMs);
  endLease(state, segment, offset, ackedEnd);
  state.counters.settled += ackedEnd - offset;
  finish(state, lane, segment, offset, ackedEnd);
  return ackedEnd;
}
