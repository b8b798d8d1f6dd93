/**
 * Steering of one message: cancels it, or has it delivered before its turn. A message that a consumer has leased belongs
 * to that consumer: nobody can take it back, and a cancellation that was answered must hold.
 */

import type { SegmentSource } from '../state/message-metadata.ts';
import { isReturnLane, priorityOf, returnLane } from '../state/lane.ts';
import type { QueueMachine } from '../state/queue-machine.ts';
import { takeOut } from '../state/ready-messages.ts';
import { countDeath } from '../dead-letters/dead-letter.ts';
import type { HeldMessage } from './held-messages.ts';

export type Refusal = 'not_found' | 'leased' | 'keyed';

/** Takes a ready message out for good. It is in the queue's outbox or nowhere after this commit. */
export function cancelReady(
  state: QueueMachine,
  source: SegmentSource,
  { extent, offset, lease }: HeldMessage,
  isDeadLetter: boolean,
): 'cancelled' | 'dead_lettered' | 'leased' {
  if (lease !== null) return 'leased';
  takeOut(state, source, { lane: extent.lane, offset });
  return countCancelled(state, isDeadLetter);
}

/** Counts a message that was cancelled, and returns what becomes of it. A queue without dead letters drops it. */
export function countCancelled(state: QueueMachine, isDeadLetter: boolean): 'cancelled' | 'dead_lettered' {
  if (isDeadLetter && countDeath(state, 'rejected') === 'dead_lettered') return 'dead_lettered';
  if (!isDeadLetter) state.counters.dropped += 1;
  return 'cancelled';
}

/**
 * Returns how a ready message gets ahead of the others of its priority: `to` another lane, or it `stays` since it is with
 * those that go first. One with an ordering key does not pass the messages of its key.
 */
export function runReady(
  source: SegmentSource,
  { extent, offset, lease }: HeldMessage,
): { to: number } | 'stays' | 'leased' | 'keyed' {
  if (lease !== null) return 'leased';
  if (isReturnLane(extent.lane)) return 'stays';
  if (!extent.isPlain && source.metadata(extent)(offset).key !== null) return 'keyed';
  return { to: returnLane(priorityOf(extent.lane)) };
}
