/** Dead-lettering: sends a message that cannot be consumed to the outbox, or drops it. */

import type { ErrorFields } from '../../../protocol/schemas/dead-letters.ts';
import { cutText } from '../../../protocol/cut-text.ts';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  ERROR_STACK_LENGTH_MAX,
  ERROR_TYPE_LENGTH_MAX,
} from '../../../protocol/limits.ts';
import type { MessageMetadata } from '../state/message-metadata.ts';
import {
  finish,
  type DeadMessage,
  type DeathReason,
  type LaneState,
  type QueueMachine,
} from '../state/queue-machine.ts';
import type { SegmentState } from '../state/segment-state.ts';

/** Takes a returned message out of the queue. */
export function deadLetter(
  state: QueueMachine,
  lane: LaneState,
  segment: SegmentState,
  offset: number,
  reason: DeathReason,
  more: Pick<DeadMessage, 'error' | 'consumerId'> = {},
): 'dead_lettered' | 'dropped' {
  const outcome = countDeath(state, reason);
  if (outcome === 'dead_lettered') {
    const attempts = segment.attemptsOf(offset) ?? null;
    state.changes.dead.push({ extent: segment.extent, offset, reason, attempts, ...more });
  }
  finish(state, lane, segment, offset, offset + 1);
  return outcome;
}

export function countDeath(state: QueueMachine, reason: DeathReason): 'dead_lettered' | 'dropped' {
  const isKept = state.config.dead_letter !== 'none';
  const { counters } = state;
  if (isKept) {
    counters.deadLettered += 1;
    counters.deaths = { ...counters.deaths, [reason]: counters.deaths[reason] + 1 };
  } else if (reason === 'expired') counters.expired += 1;
  else counters.dropped += 1;
  return isKept ? 'dead_lettered' : 'dropped';
}

/**
 * Returns whether the queue keeps a message however many attempts it had: it is a dead letter, and this queue has no
 * dead-letter target. A consumer that inspects dead letters by taking them must not lose them.
 */
export function isKeptAnyway(state: QueueMachine, metadata: MessageMetadata | null): boolean {
  return state.config.dead_letter === 'none' && (metadata?.isDeadLetter ?? false);
}

/** Returns the part of an error that a dead letter keeps. */
export function cappedError({ type, message, stack_trace: stack }: ErrorFields): ErrorFields {
  return {
    ...(type !== undefined && { type: cutText(type, ERROR_TYPE_LENGTH_MAX) }),
    ...(message !== undefined && { message: cutText(message, ERROR_MESSAGE_LENGTH_MAX) }),
    ...(stack !== undefined && { stack_trace: cutText(stack, ERROR_STACK_LENGTH_MAX) }),
  };
}
