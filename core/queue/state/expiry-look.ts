/** Next expiry: the earliest time at which a message that has just become ready expires. */

import { expiryOf, type MessageMetadata, type SegmentSource } from './message-metadata.ts';
import type { QueueMachine } from './queue-machine.ts';
import type { LaneExtent } from './segment-state.ts';

/** Notes the expiry of a message that is ready now. */
export function noteExpiry(
  state: QueueMachine,
  metadata: Pick<MessageMetadata, 'timestampMs' | 'expirationMs'>,
): void {
  state.nextExpiryMs = Math.min(state.nextExpiryMs, expiryOf(metadata, state.config.message_ttl_ms));
}

/** Notes the expiry of a message that has returned. It may be over already, because leased messages do not expire. */
export function noteReturned(
  state: QueueMachine,
  extent: LaneExtent,
  offset: number,
  source: SegmentSource,
): void {
  if (extent.isPlain && state.config.message_ttl_ms === null) return;
  noteExpiry(state, source.metadata(extent)(offset));
}

/** Notes the expiry of the new head of a lane. It may expire sooner than the younger message that was before it. */
export function noteHead(state: QueueMachine, lane: number, source: SegmentSource): void {
  const { cursor, nextOffset } = state.lanes[lane]!;
  const extent = cursor < nextOffset ? source.extentAt(lane, cursor) : null;
  if (extent && !extent.isPlain) noteExpiry(state, source.metadata(extent)(cursor));
}
