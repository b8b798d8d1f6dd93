/**
 * Lanes: the logs that a queue consists of, two for each priority. Deliveries come from the highest lane that has a
 * message.
 *
 *   lane 2p + 1   messages of priority p that come back after a retry delay: all of them were delivered before what is
 *                 still in lane 2p, so they go first
 *   lane 2p       messages of priority p as they were published
 *
 * Each lane has offsets of its own, dense and never reused. One table holds all of them: the key of a row is
 * `lane * 2^47 + offset`, an exact number for 64 lanes.
 */

export { LANES } from '../../../protocol/limits.ts';
const LANE_SPAN = 2 ** 47;

/** The row of no lane, for what outlives the segments (producer-rows.ts). */
export const PRODUCERS_ROW_KEY = -1;

export function publishLane(priority: number): number {
  return priority * 2;
}

export function returnLane(priority: number): number {
  return priority * 2 + 1;
}

export function priorityOf(lane: number): number {
  return lane >> 1;
}

export function isReturnLane(lane: number): boolean {
  return (lane & 1) === 1;
}

export function rowKeyOf(lane: number, offset: number): number {
  return lane * LANE_SPAN + offset;
}

export function laneOfRowKey(rowKey: number): number {
  return Math.floor(rowKey / LANE_SPAN);
}

export function offsetOfRowKey(rowKey: number): number {
  return rowKey % LANE_SPAN;
}
