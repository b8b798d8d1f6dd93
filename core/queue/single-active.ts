/** Single active consumer: one consumer at a time is given messages; another takes over when it is gone. */

import type { QueueState } from './queue-state.ts';

/**
 * True where this consumer may be given messages. The active one is gone when it holds no lease, does not wait, and has
 * not asked for the time of a lease.
 * @param isWaiting whether a consumer waits for messages now
 */
export function mayConsume(
  state: QueueState,
  consumerId: string,
  isWaiting: (consumerId: string) => boolean,
  nowMs: number,
): boolean {
  if (!state.config.single_active_consumer) return true;
  const holder = someLeaseHolder(state);
  if (state.activeConsumer === null && holder !== null) state.activeConsumer = { id: holder, seenMs: nowMs };
  const active = state.activeConsumer;
  if (active !== null && active.id !== consumerId) {
    const isGone =
      !holdsLease(state, active.id) &&
      !isWaiting(active.id) &&
      nowMs - active.seenMs >= state.config.lease_ms;
    if (!isGone) return false;
  }
  state.activeConsumer = { id: consumerId, seenMs: nowMs };
  return true;
}

function someLeaseHolder(state: QueueState): string | null {
  for (const lane of state.lanes) {
    for (const { leases } of lane?.inFlight ?? []) if (leases[0]) return leases[0].consumerId;
  }
  return null;
}

function holdsLease(state: QueueState, consumerId: string): boolean {
  return state.lanes.some((lane) =>
    lane?.inFlight.some(({ leases }) => leases.some((lease) => lease.consumerId === consumerId)),
  );
}
