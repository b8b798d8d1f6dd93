/** Purge: removes all ready messages without dead letters. Leased messages stay with their consumers. */

import { finish, type QueueMachine } from './state/queue-machine.ts';

/** Returns the number of removed messages. */
export function purge(state: QueueMachine): number {
  let purged = 0;
  for (const lane of state.lanes) {
    if (!lane) continue;
    for (const segment of lane.inFlight.slice()) {
      const { extent } = segment;
      if (segment.cursor < extent.nextOffset) {
        state.returned += extent.nextOffset - segment.cursor;
        lane.cursor = extent.nextOffset;
        segment.cursor = extent.nextOffset;
      }
      for (let run = segment.nextReturned(0); run !== null; run = segment.nextReturned(run.end)) {
        purged += run.end - run.start;
        finish(state, lane, segment, run.start, run.end);
      }
    }
    if (lane.cursor < lane.nextOffset) {
      purged += lane.nextOffset - lane.cursor;
      state.changes.purged.push({ lane: lane.lane, from: lane.cursor });
      lane.cursor = lane.nextOffset;
      lane.tail = null;
      state.changes.ended.add(lane);
    }
    lane.cursorPosition = lane.nextPosition;
  }
  state.counters.dropped += purged;
  return purged;
}
