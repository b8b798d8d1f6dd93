/**
 * Lanes: the logs that a queue consists of, two for each priority. Deliveries come from the highest lane that has a
 * message.
 *
 *   lane 2p + 1   messages of priority p that come back after a retry delay. They go first, because they were delivered
 *                 before the messages that are still in lane 2p
 *   lane 2p       messages of priority p as they were published
 *
 * Each lane has its own offsets, dense and never reused. One table holds all lanes. The key of a row is
 * `lane * 2^47 + offset`, which is an exact number for 64 lanes.
 */

export { LANES } from '../../../protocol/limits.ts';
const LANE_SPAN = 2 ** 47;

/** The key of a row that belongs to no lane, for data that outlives segments (producer-rows.ts). */
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
