/**
 * Length limits of a queue. They count ready messages, as RabbitMQ's do. If the queue refuses the newest messages, parked
 * messages count too: otherwise nothing would limit a publisher of delayed messages.
 */

import { deadLetter } from '../dead-letters/dead-letter.ts';
import type { SegmentSource } from '../state/message-metadata.ts';
import {
  lanesFromHighest,
  moveCursor,
  readyBytes,
  readyCount,
  segmentAtCursor,
  type QueueMachine,
} from '../state/queue-machine.ts';

/** Returns whether `count` more messages with `bytes` in all would not fit. */
export function isOver(state: QueueMachine, count: number, bytes: number): boolean {
  const { max_length: lengthMax, max_bytes: bytesMax, overflow } = state.config;
  const isRefusing = overflow !== 'drop-head';
  const messages = readyCount(state) + (isRefusing ? state.parked : 0);
  if (lengthMax !== null && messages + count > lengthMax) return true;
  return bytesMax !== null && readyBytes(state) + (isRefusing ? state.parkedBytes : 0) + bytes > bytesMax;
}

/** The most messages that one call drops, because a limit can be lowered far below the length of the queue. */
export const DROP_SLICE = 5_000;

/**
 * Drops the oldest messages of the lowest priority until the limits hold, at most a slice. Returns false if more messages
 * have to go. RabbitMQ drops from the highest priority, so an unimportant message can push out an important one.
 */
export function dropHead(state: QueueMachine, source: SegmentSource): boolean {
  if (!isOver(state, 0, 0)) return true;
  let left = DROP_SLICE;
  for (const lane of lanesFromHighest(state).reverse()) {
    for (const segment of lane.inFlight.slice()) {
      for (let run = segment.nextReturned(0); run !== null; run = segment.nextReturned(run.start)) {
        if (!isOver(state, 0, 0)) return true;
        if (left-- === 0) return false;
        deadLetter(state, lane, segment, run.start, 'maxlen');
      }
    }
    while (lane.cursor < lane.nextOffset) {
      if (!isOver(state, 0, 0)) return true;
      if (left-- === 0) return false;
      const offset = lane.cursor;
      const segment = segmentAtCursor(lane, () => source.extentAt(lane.lane, offset));
      moveCursor(state, lane, segment, offset + 1);
      deadLetter(state, lane, segment, offset, 'maxlen');
    }
  }
  return true;
}
