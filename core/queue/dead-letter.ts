/** Where a message goes that is not consumed: to the outbox for dead letters, or nowhere. */

import {
  finish,
  type DeadMessage,
  type DeathReason,
  type LaneState,
  type QueueState,
} from './queue-state.ts';
import type { SegmentState } from './segment-state.ts';

/** Takes a returned message out of the queue. */
export function deadLetter(
  state: QueueState,
  lane: LaneState,
  segment: SegmentState,
  offset: number,
  reason: DeathReason,
  more: Pick<DeadMessage, 'error' | 'consumerId'> = {},
): 'dead_lettered' | 'dropped' {
  const outcome = countDeath(state, reason);
  if (outcome === 'dead_lettered') {
    state.changes.dead.push({ extent: segment.extent, offset, reason, ...more });
  }
  finish(state, lane, segment, offset, offset + 1);
  return outcome;
}

export function countDeath(state: QueueState, reason: DeathReason): 'dead_lettered' | 'dropped' {
  const isKept = state.config.dead_letter !== 'none';
  if (isKept) state.counters.deadLettered += 1;
  else if (reason === 'expired') state.counters.expired += 1;
  else state.counters.dropped += 1;
  return isKept ? 'dead_lettered' : 'dropped';
}
