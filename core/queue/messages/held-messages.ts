/** Held messages: walks over the ready and leased messages of a lane, and finds one by its position. */

import type { SegmentSource } from '../state/message-metadata.ts';
import { inFlightAt, type LaneState, type QueueMachine } from '../state/queue-machine.ts';
import { readyAt, readyIn, type Position } from '../state/ready-messages.ts';
import type { Attempts, LaneExtent, Lease } from '../state/segment-state.ts';

/** A message in a segment. */
export interface HeldMessage {
  extent: LaneExtent;
  offset: number;
  /** Of the consumer that has it; null: it is ready. */
  lease: Readonly<Lease> | null;
  /** The attempts made from this position; null: none that failed. */
  attempts: Readonly<Attempts> | null;
}

/** Returns the message at a position; null if no message there is ready or leased. */
export function heldAt(state: QueueMachine, source: SegmentSource, position: Position): HeldMessage | null {
  const { offset } = position;
  const lane = state.lanes[position.lane];
  const segment = lane && inFlightAt(lane, offset);
  const lease = segment?.leaseAt(offset) ?? null;
  const attempts = segment?.attemptsOf(offset) ?? null;
  if (lease !== null) return { extent: segment!.extent, offset, lease, attempts };
  const extent = readyAt(state, source, position);
  return extent && { extent, offset, lease, attempts };
}

/** Yields the ready and the leased messages of a lane, by offset from `from` on. The state must not change meanwhile. */
export function* heldIn(
  lane: LaneState,
  source: SegmentSource,
  from: number,
  which: { ready: boolean; leased: boolean },
): IterableIterator<HeldMessage> {
  for (const segment of lane.inFlight) {
    const { extent } = segment;
    for (let offset = Math.max(from, extent.baseOffset); offset < segment.cursor; offset++) {
      if (segment.isSettled(offset)) continue;
      const lease = segment.leaseAt(offset);
      if (lease === null ? which.ready : which.leased)
        yield { extent, offset, lease, attempts: segment.attemptsOf(offset) ?? null };
    }
  }
  if (!which.ready) return;
  for (const { extent, offset } of readyIn(lane, source, Math.max(from, lane.cursor)))
    yield { extent, offset, lease: null, attempts: null };
}
