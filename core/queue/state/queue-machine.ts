/**
 * Queue machine: the state of a queue in memory. It holds the ends of its lanes, the segments with messages in flight,
 * and counts. A waking object derives all of it from rows, and none of it grows with the backlog.
 *
 * The functions of `core/queue` change it, and note in `changes` which rows have to follow. The store writes these rows in
 * one transaction. If that fails, the object derives the state anew.
 */

import type { SegmentExtent } from '../../log/segment.ts';
import { DEATH_REASONS, type DeathReason } from '../../../protocol/schemas/death-reasons.ts';
import type { ErrorFields } from '../../../protocol/schemas/dead-letters.ts';
import type { QueueConfig } from '../../../protocol/schemas/queues.ts';
import type { DedupWindow } from './dedup.ts';
import { LANES } from './lane.ts';
import { SegmentState, type Attempts, type LaneExtent } from './segment-state.ts';

export interface LaneState {
  lane: number;
  /** The offset that the next message gets. */
  nextOffset: number;
  /** The position that the next batch gets. */
  nextPosition: number;
  /** The first offset that no delivery has looked at. The backlog begins here. */
  cursor: number;
  /** The position of the cursor. Inside a segment it is estimated from the share of messages before it. */
  cursorPosition: number;
  /** The last segment, which small publishes extend; null if that segment is complete. */
  tail: SegmentExtent | null;
  isTailPlain: boolean;
  /** Segments with state, by base offset. They all lie before or at the cursor. */
  inFlight: SegmentState[];
}

export type { DeathReason } from '../../../protocol/schemas/death-reasons.ts';

/** A stored message that leaves its segment. The store reads it before the segment goes. */
export interface Leaving {
  extent: LaneExtent;
  offset: number;
}

/** The attempts of a message that leaves, and the last one that failed. */
export interface LeavingAttempts {
  /** Attempts made from its position here; null: none. Its record has the earlier ones. */
  attempts: Attempts | null;
  error?: ErrorFields;
  consumerId?: string;
}

export interface ParkedMessage extends Leaving, LeavingAttempts {
  dueMs: number;
}

export interface DeadMessage extends Leaving, LeavingAttempts {
  reason: DeathReason;
}

/** The changes that the rows have to follow. */
export interface Changes {
  touched: Set<SegmentState>;
  completed: Set<SegmentState>;
  /** Lanes without a segment. The store has to keep their next offset. */
  ended: Set<LaneState>;
  /** Lanes from which whole segments are removed, from an offset on. */
  purged: { lane: number; from: number }[];
  parked: ParkedMessage[];
  dead: DeadMessage[];
}

/** Counts since the object woke. `published` begins with the number of messages held then, so that the sums agree. */
export interface Counters {
  published: number;
  delivered: number;
  settled: number;
  deadLettered: number;
  expired: number;
  dropped: number;
  /** Dead letters that a replay sent to their targets, and messages that were moved to another queue. */
  replayed: number;
  /** `deadLettered` by reason. Replaced when it changes, because counters are copied. */
  deaths: Readonly<Record<DeathReason, number>>;
}

/** The consumer that a queue with single active consumer serves. */
export interface ActiveConsumer {
  id: string;
  /** Its last sign of life: it asked, settled, or stopped waiting. */
  seenMs: number;
  /** How long the role stays with it after that, in ms: the lease that it asked for, at most that of the queue. */
  graceMs: number;
  /** True if a lease of it has ended since. */
  isSuspect: boolean;
}

export interface QueueMachine {
  config: QueueConfig;
  isPaused: boolean;
  lanes: (LaneState | undefined)[];
  leased: number;
  /** Messages before the cursor that wait for delivery: requeued, or behind another message of their key. */
  returned: number;
  /** Messages in separate rows that wait for their time. */
  parked: number;
  /** Bytes of the rows of parked messages. */
  parkedBytes: number;
  /** Ordering keys of messages that are leased or wait for a retry, with the number of such messages. */
  busyKeys: Map<string, number>;
  /** No lease expires before this time, in ms; Infinity without leases. */
  earliestExpiryMs: number;
  /** The number of messages whose lease has ended since the shell last asked, by consumer. */
  endedLeases: Map<string, number>;
  /** The earliest expiry of a message that became ready since the last look was scheduled, in ms; Infinity: none. */
  nextExpiryMs: number;
  /**
   * The first offset of each lane that the commit under way has stored; null: nothing that may expire. Such a message goes to a
   * consumer that waits even if its time to live is 0.
   */
  arrivedFrom: readonly number[] | null;
  dedup: DedupWindow;
  /** The consumer that gets messages, in a queue with a single active consumer. */
  activeConsumer: ActiveConsumer | null;
  counters: Counters;
  changes: Changes;
}

export function noChanges(): Changes {
  return {
    touched: new Set(),
    completed: new Set(),
    ended: new Set(),
    purged: [],
    parked: [],
    dead: [],
  };
}

const NO_DEATHS = Object.fromEntries(DEATH_REASONS.map((reason) => [reason, 0])) as Record<
  DeathReason,
  number
>;

export function noCounters(): Counters {
  const counts = {
    published: 0,
    delivered: 0,
    settled: 0,
    deadLettered: 0,
    expired: 0,
    dropped: 0,
    replayed: 0,
  };
  return { ...counts, deaths: NO_DEATHS };
}

export function laneState(state: QueueMachine, lane: number): LaneState {
  return (state.lanes[lane] ??= {
    lane,
    nextOffset: 0,
    nextPosition: 0,
    cursor: 0,
    cursorPosition: 0,
    tail: null,
    isTailPlain: true,
    inFlight: [],
  });
}

export function lanesFromHighest(state: QueueMachine): LaneState[] {
  const lanes: LaneState[] = [];
  for (let number = LANES - 1; number >= 0; number--) {
    const lane = state.lanes[number];
    if (lane) lanes.push(lane);
  }
  return lanes;
}

export function readyCount(state: QueueMachine): number {
  let ready = state.returned;
  for (const lane of state.lanes) if (lane) ready += lane.nextOffset - lane.cursor;
  return ready;
}

/** Returns the bytes of ready messages: exact for the backlog, and estimated by segment for returned messages. */
export function readyBytes(state: QueueMachine): number {
  return bytesOf(state, (segment) => segment.returned);
}

/** Returns the bytes of ready and leased messages. */
export function heldBytes(state: QueueMachine): number {
  return bytesOf(state, (segment) => segment.returned + segment.leased);
}

function bytesOf(state: QueueMachine, count: (segment: SegmentState) => number): number {
  let bytes = 0;
  for (const lane of state.lanes) {
    if (!lane) continue;
    bytes += Math.max(0, lane.nextPosition - lane.cursorPosition);
    for (const segment of lane.inFlight) bytes += count(segment) * bytesPerMessage(segment.extent);
  }
  return Math.round(bytes);
}

export function bytesPerMessage({ bytes, baseOffset, nextOffset }: LaneExtent): number {
  return bytes / (nextOffset - baseOffset);
}

/** Returns the state of the segment that holds the offset, if it has one. */
export function inFlightAt(lane: LaneState, offset: number): SegmentState | undefined {
  let low = 0;
  let high = lane.inFlight.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lane.inFlight[middle]!.extent.baseOffset <= offset) low = middle + 1;
    else high = middle;
  }
  const segment = lane.inFlight[low - 1];
  return segment && segment.extent.nextOffset > offset ? segment : undefined;
}

/** Returns the state of the segment that the cursor is in. Creates it if the segment has none. */
export function segmentAtCursor(lane: LaneState, extentAt: () => LaneExtent | null): SegmentState {
  const last = lane.inFlight[lane.inFlight.length - 1];
  if (last && last.extent.nextOffset > lane.cursor) return last;
  const extent = extentAt();
  if (!extent || extent.baseOffset > lane.cursor) {
    throw new Error(`lane ${lane.lane} has no segment at offset ${lane.cursor}`);
  }
  const segment = new SegmentState(extent);
  lane.inFlight.push(segment);
  return segment;
}

/** Moves the cursor of the lane inside `segment`. The messages that it passes count as returned until they are leased or finished. */
export function moveCursor(state: QueueMachine, lane: LaneState, segment: SegmentState, to: number): void {
  state.returned += to - segment.cursor;
  segment.moveTo(to);
  lane.cursor = to;
  const { position, baseOffset } = segment.extent;
  lane.cursorPosition =
    to === lane.nextOffset
      ? lane.nextPosition
      : position + (to - baseOffset) * bytesPerMessage(segment.extent);
  state.changes.touched.add(segment);
}

/** Ends the lease of messages that are under one lease. They count as returned until they are leased or finished. */
export function endLease(state: QueueMachine, segment: SegmentState, start: number, end = start + 1): void {
  segment.unlease(start, end);
  state.leased -= end - start;
  state.returned += end - start;
  state.changes.touched.add(segment);
}

/** Finishes returned messages, whatever became of them, and their segment if they were its last. */
export function finish(
  state: QueueMachine,
  lane: LaneState,
  segment: SegmentState,
  start: number,
  end: number,
): void {
  segment.settle(start, end);
  state.returned -= end - start;
  state.changes.touched.add(segment);
  if (!segment.isComplete) return;
  state.changes.touched.delete(segment);
  state.changes.completed.add(segment);
  lane.inFlight.splice(lane.inFlight.indexOf(segment), 1);
  if (segment.extent.nextOffset === lane.nextOffset) {
    lane.tail = null;
    state.changes.ended.add(lane);
  }
}

export function holdKey(state: QueueMachine, key: string | null): void {
  if (key !== null) state.busyKeys.set(key, (state.busyKeys.get(key) ?? 0) + 1);
}

export function releaseKey(state: QueueMachine, key: string | null): void {
  if (key === null) return;
  const holders = (state.busyKeys.get(key) ?? 0) - 1;
  if (holders > 0) state.busyKeys.set(key, holders);
  else state.busyKeys.delete(key);
}
