/**
 * Queue machine: the state of a queue in memory. It holds the ends of its lanes, the segments with messages in flight,
 * and counts. A waking object derives all of it from rows, and none of it grows with the backlog.
 *
 * The functions of this folder change it and note in `changes` which rows have to follow. The store writes them in one
 * transaction; if that fails, the state is derived anew.
 */

import type { SegmentExtent } from '../../log/segment.ts';
import type { DeathReason, ErrorFields } from '../../../protocol/schemas/dead-letters.ts';
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
  /** The first offset that was never looked at: what follows is the backlog. */
  cursor: number;
  /** The position of the cursor. Inside a segment it is a fair share of its bytes. */
  cursorPosition: number;
  /** The last segment, which small publishes extend; null if it is done with. */
  tail: SegmentExtent | null;
  isTailPlain: boolean;
  /** Segments with state, by base offset. They all lie before or at the cursor. */
  inFlight: SegmentState[];
}

export type { DeathReason } from '../../../protocol/schemas/dead-letters.ts';

/** A stored message that leaves its segment. The store reads it before the segment goes. */
export interface Leaving {
  extent: LaneExtent;
  offset: number;
}

/** What is known of the attempts of a message that leaves, and of the last one that failed. */
export interface LeavingAttempts {
  /** Those made from its position here; null: none. What came before is in its record. */
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

/** What the rows have to follow. */
export interface Changes {
  touched: Set<SegmentState>;
  completed: Set<SegmentState>;
  /** Lanes of which no segment is left: their next offset has to be kept. */
  ended: Set<LaneState>;
  /** Lanes whose segments from an offset on are removed whole. */
  purged: { lane: number; from: number }[];
  parked: ParkedMessage[];
  dead: DeadMessage[];
}

/** Since the object woke. `published` begins with what it held then, so that the sums agree. */
export interface Counters {
  published: number;
  delivered: number;
  settled: number;
  deadLettered: number;
  expired: number;
  dropped: number;
  /** Sent back to where they came from, or elsewhere. */
  replayed: number;
}

/** The consumer that a queue with single active consumer serves. */
export interface ActiveConsumer {
  id: string;
  /** Its last sign of life: it asked, settled, or stopped waiting. */
  seenMs: number;
  /** How long after it the role stays with it: the lease that it asked for, at most that of the queue. */
  graceMs: number;
  /** A lease of it has ended since. */
  isSuspect: boolean;
}

export interface QueueMachine {
  config: QueueConfig;
  isPaused: boolean;
  lanes: (LaneState | undefined)[];
  leased: number;
  /** Looked at, and to be delivered: requeued, or waiting for another message of their key. */
  returned: number;
  /** Waiting in rows of their own for their time. */
  parked: number;
  /** Bytes of the rows that hold them. */
  parkedBytes: number;
  /** Ordering keys that are leased or wait for a retry. */
  busyKeys: Map<string, number>;
  /** No lease expires before it; Infinity if there is none. */
  earliestExpiryMs: number;
  /** Messages whose lease has ended since the shell last asked, by consumer. */
  endedLeases: Map<string, number>;
  /** When a message expires that became ready since the last look was scheduled, in ms; Infinity: none does. */
  nextExpiryMs: number;
  dedup: DedupWindow;
  /** The one that is given messages, for a queue with a single active consumer. */
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

export function noCounters(): Counters {
  return { published: 0, delivered: 0, settled: 0, deadLettered: 0, expired: 0, dropped: 0, replayed: 0 };
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

/** Bytes of ready messages: exact for the backlog, a fair share of their segments for returned ones. */
export function readyBytes(state: QueueMachine): number {
  return bytesOf(state, (segment) => segment.returned);
}

/** Bytes of ready and leased messages. */
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

/** The state of the segment that holds the offset, if it has one. */
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

/** The state of the segment that the cursor is in; made if it has none. */
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

/** Moves the cursor of the lane inside `segment`: what it passes is returned until something else is said. */
export function moveCursor(state: QueueMachine, lane: LaneState, segment: SegmentState, to: number): void {
  state.returned += to - segment.cursor;
  segment.cursor = to;
  lane.cursor = to;
  const { position, baseOffset } = segment.extent;
  lane.cursorPosition =
    to === lane.nextOffset
      ? lane.nextPosition
      : position + (to - baseOffset) * bytesPerMessage(segment.extent);
  state.changes.touched.add(segment);
}

/** Ends the lease of messages that are under one lease; they are returned until something else is said. */
export function endLease(state: QueueMachine, segment: SegmentState, start: number, end = start + 1): void {
  segment.unlease(start, end);
  state.leased -= end - start;
  state.returned += end - start;
  state.changes.touched.add(segment);
}

/** Is done with returned messages, whatever became of them, and with the segment if they were its last. */
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
