/**
 * Single active consumer: one consumer at a time gets messages, and another takes over when that one is gone. The consumer
 * that gets messages becomes the active one. It stays active while it holds a lease or waits. It also stays active for a
 * grace period after its last sign of life, because a consumer that polls is silent between two polls. A consumer that let
 * a lease end, and holds no other lease, loses the role until its next sign of life.
 */

import type { ActiveConsumer, QueueMachine } from '../state/queue-machine.ts';

/** The consumers that wait for messages now and have room for some. */
export interface Waiting {
  isWaiting(consumerId: string): boolean;
  /** Returns whether a consumer other than this one waits. */
  othersWait(consumerId: string): boolean;
}

/** Returns whether this consumer may get messages. */
export function mayConsume(
  state: QueueMachine,
  consumerId: string,
  waiting: Waiting,
  nowMs: number,
): boolean {
  if (!state.config.single_active_consumer) return true;
  const active = activeConsumer(state, nowMs);
  if (active === null) return true;
  const isFree = handOverMs(state, waiting, nowMs) <= nowMs;
  if (active.id !== consumerId) return isFree;
  return !(active.isSuspect && isFree && waiting.othersWait(consumerId));
}

/** Returns when another consumer may take over, in ms; Infinity if time alone does not decide. */
export function handOverMs(state: QueueMachine, waiting: Waiting, nowMs: number): number {
  const active = activeConsumer(state, nowMs);
  if (active === null) return nowMs;
  if (holdsLease(state, active.id)) return Infinity;
  if (active.isSuspect) return nowMs;
  if (waiting.isWaiting(active.id)) return Infinity;
  return active.seenMs + Math.min(active.graceMs, state.config.lease_ms);
}

/** Notes that this consumer got messages. */
export function activate(state: QueueMachine, id: string, graceMs: number, nowMs: number): void {
  if (state.config.single_active_consumer)
    state.activeConsumer = { id, seenMs: nowMs, graceMs, isSuspect: false };
}

/** Notes a sign of life of a consumer. */
export function noteSeen(state: QueueMachine, id: string, nowMs: number): void {
  if (state.activeConsumer?.id === id)
    state.activeConsumer = {
      ...state.activeConsumer,
      seenMs: Math.max(nowMs, state.activeConsumer.seenMs),
      isSuspect: false,
    };
}

/** Notes that a lease of the consumer has ended. */
export function noteLeaseEnded(state: QueueMachine, id: string): void {
  if (state.activeConsumer?.id === id) state.activeConsumer = { ...state.activeConsumer, isSuspect: true };
}

/** Notes that the consumer takes no more messages, or has left for good. */
export function resign(state: QueueMachine, id: string): void {
  if (state.activeConsumer?.id === id && !holdsLease(state, id)) state.activeConsumer = null;
}

/** Makes a consumer that holds a lease the active one, after the object or the mode has started. */
function activeConsumer(state: QueueMachine, nowMs: number): ActiveConsumer | null {
  const holder = state.activeConsumer === null ? someLeaseHolder(state) : null;
  if (holder !== null) activate(state, holder, state.config.lease_ms, nowMs);
  return state.activeConsumer;
}

function someLeaseHolder(state: QueueMachine): string | null {
  for (const lane of state.lanes) {
    for (const { leases } of lane?.inFlight ?? []) if (leases[0]) return leases[0].consumerId;
  }
  return null;
}

function holdsLease(state: QueueMachine, consumerId: string): boolean {
  return state.lanes.some((lane) =>
    lane?.inFlight.some(({ leases }) => leases.some((lease) => lease.consumerId === consumerId)),
  );
}
