/**
 * Delivery: leases the next messages. The highest lane comes first. In a lane, returned messages come before the backlog,
 * each by offset. Delivery removes expired messages on the way. It skips a message whose ordering key is in flight, and
 * that message stays returned.
 */

import { isReturnLane } from '../state/lane.ts';
import { deadLetter } from '../dead-letters/dead-letter.ts';
import { noteHead } from '../state/expiry-look.ts';
import { expiryOf, type SegmentSource } from '../state/message-metadata.ts';
import {
  bytesPerMessage,
  finish,
  holdKey,
  lanesFromHighest,
  moveCursor,
  segmentAtCursor,
  type LaneState,
  type QueueMachine,
} from '../state/queue-machine.ts';
import type { LaneExtent, SegmentState } from '../state/segment-state.ts';
import { activate } from './single-active.ts';

/** The number of messages that a delivery may skip because of their keys. It bounds memory and work. */
export const LOOK_AHEAD_MAX = 2_000;

export interface DeliverCommand {
  max: number;
  /** The first message is delivered even if it is larger. */
  bytesMax: number;
  leaseMs: number;
  consumerId: string;
  /** True: the delivery settles its messages in the same step. */
  autoAck: boolean;
}

/** A run of messages of one segment with the same number of deliveries. */
export interface DeliverySlice {
  extent: LaneExtent;
  start: number;
  end: number;
  /** The number of deliveries, this one included: the last part of the tag. */
  delivery: number;
  expiresAtMs: number;
}

export function deliver(
  state: QueueMachine,
  command: DeliverCommand,
  source: SegmentSource,
  nowMs: number,
): DeliverySlice[] {
  if (state.isPaused) return [];
  const delivery = new Delivery(state, command, source, nowMs);
  for (const lane of lanesFromHighest(state)) {
    if (!delivery.takeFrom(lane)) break;
  }
  for (const lane of new Set(delivery.slices.map(({ extent }) => extent.lane))) noteHead(state, lane, source);
  if (delivery.slices.length > 0) activate(state, command.consumerId, command.leaseMs, nowMs);
  return delivery.slices;
}

class Delivery {
  readonly slices: DeliverySlice[] = [];
  readonly #state: QueueMachine;
  readonly #command: DeliverCommand;
  readonly #source: SegmentSource;
  readonly #nowMs: number;
  readonly #expiresAtMs: number;
  #taken = 0;
  #bytes = 0;

  constructor(state: QueueMachine, command: DeliverCommand, source: SegmentSource, nowMs: number) {
    this.#state = state;
    this.#command = command;
    this.#source = source;
    this.#nowMs = nowMs;
    this.#expiresAtMs = nowMs + command.leaseMs;
  }

  /** Returns false if the delivery must not look at further lanes. */
  takeFrom(lane: LaneState): boolean {
    for (const segment of lane.inFlight.slice()) {
      if (segment.returned === 0) continue;
      let from = segment.extent.baseOffset;
      for (let run = segment.nextReturned(from); run !== null; run = segment.nextReturned(from)) {
        if (this.#room(segment.extent) <= 0) return false;
        from = this.#takeRun(lane, segment, run.start, run.end);
      }
    }
    while (lane.cursor < lane.nextOffset) {
      // A later message of the same key in a lower lane must not overtake a returning message.
      if (this.#state.returned >= LOOK_AHEAD_MAX) return !isReturnLane(lane.lane);
      const segment = segmentAtCursor(lane, () => this.#source.extentAt(lane.lane, lane.cursor));
      const room = this.#room(segment.extent);
      if (room <= 0) return false;
      const start = lane.cursor;
      const end = Math.min(segment.extent.nextOffset, start + room);
      moveCursor(this.#state, lane, segment, end);
      this.#takeRun(lane, segment, start, end);
    }
    return true;
  }

  #room(extent: LaneExtent): number {
    const left = this.#command.max - this.#taken;
    const byBytes = Math.floor((this.#command.bytesMax - this.#bytes) / bytesPerMessage(extent));
    return Math.min(left, Math.max(byBytes, this.#taken === 0 ? 1 : 0));
  }

  /**
   * Takes as many messages of a returned run as possible. Returns the offset after the last one that it looked at.
   */
  #takeRun(lane: LaneState, segment: SegmentState, start: number, end: number): number {
    const stop = Math.min(end, start + this.#room(segment.extent));
    const needsFacts =
      !segment.extent.isPlain ||
      this.#state.config.message_ttl_ms !== null ||
      (this.#source.isDamaged?.(segment.extent) ?? false);
    if (needsFacts) this.#takeWithFacts(lane, segment, start, end);
    else for (let at = start; at < stop; at = this.#takeEqual(lane, segment, at, stop));
    return needsFacts ? end : stop;
  }

  #takeWithFacts(lane: LaneState, segment: SegmentState, start: number, end: number): void {
    const factsOf = this.#source.metadata(segment.extent);
    const ttlMs = this.#state.config.message_ttl_ms;
    const arrivedFrom = this.#state.arrivedFrom?.[lane.lane] ?? Infinity;
    for (let offset = start; offset < end; offset++) {
      const metadata = factsOf(offset);
      if (metadata.damage !== undefined) {
        const error = { type: 'StoredBatchCorrupt', message: metadata.damage };
        deadLetter(this.#state, lane, segment, offset, 'damaged', { error });
        continue;
      }
      const expiresAtMs = expiryOf(metadata, ttlMs);
      const isAtOnce = expiresAtMs === metadata.timestampMs && offset >= arrivedFrom;
      if (!isAtOnce && expiresAtMs <= this.#nowMs) {
        deadLetter(this.#state, lane, segment, offset, 'expired');
        continue;
      }
      if (this.#room(segment.extent) <= 0) return;
      if (metadata.key !== null && this.#state.busyKeys.has(metadata.key)) continue;
      if (!this.#command.autoAck) holdKey(this.#state, metadata.key);
      this.#take(lane, segment, offset, offset + 1, (segment.attemptsOf(offset)?.deliveries ?? 0) + 1);
    }
  }

  /** Takes the messages from `start` on that were delivered as often as the first. */
  #takeEqual(lane: LaneState, segment: SegmentState, start: number, stop: number): number {
    const deliveries = segment.attemptsOf(start)?.deliveries ?? 0;
    let end = start + 1;
    while (end < stop && (segment.attemptsOf(end)?.deliveries ?? 0) === deliveries) end += 1;
    this.#take(lane, segment, start, end, deliveries + 1);
    return end;
  }

  #take(lane: LaneState, segment: SegmentState, start: number, end: number, delivery: number): void {
    const { extent } = segment;
    const count = end - start;
    this.#taken += count;
    this.#bytes += count * bytesPerMessage(extent);
    this.#state.counters.delivered += count;
    const last = this.slices[this.slices.length - 1];
    if (last?.extent === extent && last.end === start && last.delivery === delivery) last.end = end;
    else this.slices.push({ extent, start, end, delivery, expiresAtMs: this.#expiresAtMs });
    if (this.#command.autoAck) {
      this.#state.counters.settled += count;
      finish(this.#state, lane, segment, start, end);
    } else this.#lease(segment, start, end);
  }

  #lease(segment: SegmentState, start: number, end: number): void {
    const { consumerId } = this.#command;
    segment.lease({ start, end, expiresAtMs: this.#expiresAtMs, consumerId, sinceMs: this.#nowMs });
    this.#state.returned -= end - start;
    this.#state.leased += end - start;
    this.#state.earliestExpiryMs = Math.min(this.#state.earliestExpiryMs, this.#expiresAtMs);
    this.#state.changes.touched.add(segment);
    for (let offset = start; offset < end; offset++) {
      const attempts = segment.attemptsOf(offset);
      if (attempts) segment.noteAttempts(offset, { ...attempts, deliveries: attempts.deliveries + 1 });
    }
  }
}
