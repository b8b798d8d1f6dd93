/** Ready messages: walks over them in the order of delivery, and takes single messages out at any position. */

import type { SegmentSource } from './message-metadata.ts';
import {
  finish,
  inFlightAt,
  laneState,
  moveCursor,
  segmentAtCursor,
  type LaneState,
  type QueueMachine,
} from './queue-machine.ts';
import type { LaneExtent, SegmentState } from './segment-state.ts';

/** Where a message lies. Lanes come from the highest, offsets from the lowest. */
export interface Position {
  lane: number;
  offset: number;
}

/** The ready messages of a lane from an offset on. Nothing may change meanwhile. */
export function* readyIn(
  lane: LaneState,
  source: SegmentSource,
  from = 0,
): IterableIterator<{ extent: LaneExtent; offset: number }> {
  for (const segment of lane.inFlight) {
    if (segment.extent.nextOffset <= from) continue;
    for (let run = segment.nextReturned(from); run; run = segment.nextReturned(run.end)) {
      for (let offset = run.start; offset < run.end; offset++) yield { extent: segment.extent, offset };
    }
  }
  for (let offset = Math.max(lane.cursor, from); offset < lane.nextOffset;) {
    const extent = source.extentAt(lane.lane, offset)!;
    for (; offset < extent.nextOffset; offset++) yield { extent, offset };
  }
}

/** The segment that holds a ready message; null if there is none at this position. */
export function readyAt(
  state: QueueMachine,
  source: SegmentSource,
  { lane: number, offset }: Position,
): LaneExtent | null {
  const lane = state.lanes[number];
  if (!lane || offset >= lane.nextOffset) return null;
  if (offset >= lane.cursor) {
    const extent = source.extentAt(number, offset);
    return extent && extent.baseOffset <= offset ? extent : null;
  }
  const segment = inFlightAt(lane, offset);
  return segment && isReturned(segment, offset) ? segment.extent : null;
}

/** Takes a ready message out, whatever becomes of it. What lies before it stays, and is delivered before what follows. */
export function takeOut(
  state: QueueMachine,
  source: SegmentSource,
  { lane: number, offset }: Position,
): void {
  const lane = laneState(state, number);
  while (lane.cursor <= offset) {
    const segment = segmentAtCursor(lane, () => source.extentAt(number, lane.cursor));
    moveCursor(state, lane, segment, Math.min(offset + 1, segment.extent.nextOffset));
  }
  const segment = inFlightAt(lane, offset);
  if (!segment || !isReturned(segment, offset)) throw new Error(`no ready message at ${number}/${offset}`);
  finish(state, lane, segment, offset, offset + 1);
}

function isReturned(segment: SegmentState, offset: number): boolean {
  return segment.nextReturned(offset)?.start === offset;
}
