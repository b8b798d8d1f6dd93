/** Expiry look: the earliest time at which a message that has just become ready expires. */

import { expiryOf, type MessageMetadata, type SegmentSource } from './message-metadata.ts';
import type { QueueMachine } from './queue-machine.ts';
import type { LaneExtent } from './segment-state.ts';

/** Notes when a message that is ready now expires. */
export function noteExpiry(
  state: QueueMachine,
  metadata: Pick<MessageMetadata, 'timestampMs' | 'expirationMs'>,
): void {
  state.nextExpiryMs = Math.min(state.nextExpiryMs, expiryOf(metadata, state.config.message_ttl_ms));
}

/** A message is back at its position. Its time may have passed meanwhile: nobody looks for those that consumers hold. */
export function noteReturned(
  state: QueueMachine,
  extent: LaneExtent,
  offset: number,
  source: SegmentSource,
): void {
  if (extent.isPlain && state.config.message_ttl_ms === null) return;
  noteExpiry(state, source.metadata(extent)(offset));
}

/** A lane has another head, which may have been behind a younger one and expire sooner. */
export function noteHead(state: QueueMachine, lane: number, source: SegmentSource): void {
  const { cursor, nextOffset } = state.lanes[lane]!;
  const extent = cursor < nextOffset ? source.extentAt(lane, cursor) : null;
  if (extent && !extent.isPlain) noteExpiry(state, source.metadata(extent)(cursor));
}
