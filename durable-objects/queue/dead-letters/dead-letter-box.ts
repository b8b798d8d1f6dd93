/**
 * Dead-letter box: lists, resends, replays (in slices) and purges the dead letters that a queue holds. Every method is
 * a step of a commit. So a message leaves the queue and enters the outbox together or not at all, and moves once.
 *
 * It sees only ready messages. A message that a consumer has leased belongs to that consumer.
 */

import {
  isDeadLetter,
  matcherOf,
  type MessageFilter,
} from '../../../core/queue/dead-letters/dead-letter-filter.ts';
import { formatDeadLetterId, parseDeadLetterId } from '../../../core/queue/dead-letters/dead-letter-id.ts';
import { deathOf, hopsOf } from '../../../core/queue/dead-letters/death-headers.ts';
import { replayedRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import type { SegmentSource } from '../../../core/queue/state/message-metadata.ts';
import { readyCount, type QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import { readyAt, readyIn, takeOut, type Position } from '../../../core/queue/state/ready-messages.ts';
import type { LaneExtent } from '../../../core/queue/state/segment-state.ts';
import type { ReplayTarget } from '../../../protocol/schemas/dead-letters.ts';
import { BROKER_HOPS_MAX, DEAD_LETTER_SCAN_MAX, PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import { encodeBatch, recordSizeUpperBound, type LogRecord } from '../../../protocol/record-batch/index.ts';
import type { DeadLetterAnswer, DeadLetterCall, ReplayOrder, StoredReplay } from '../../rpc/dead-letters.ts';
import type { Outbox } from './outbox.ts';
import { decoded } from '../rows/packing.ts';
import type { ReplayStore } from './replay-store.ts';

/** Bytes of the messages that one step looks at, whether they match or not: it holds up everything else meanwhile. */
const SCAN_BYTES_MAX = 64 * 1024 * 1024;

/** Messages that one step moves or purges: one row of the outbox, and some milliseconds. */
const REPLAY_SLICE = 500;
const PURGE_SLICE = 5_000;

/** A replay pauses while this many of its messages are still on their way. */
const OUTGOING_MAX = 5_000;
const PAUSE_MS = 1_000;

export interface BoxHost {
  name: string;
  id: number;
  source: SegmentSource;
  outbox: Outbox;
  replays: ReplayStore;
  state(): QueueMachine;
  recordAt(extent: LaneExtent, offset: number): LogRecord;
}

interface Found {
  position: Position;
  record: LogRecord;
}

interface Scan {
  found: Found[];
  lookedAt: number;
  /** The last place that was looked at. */
  after: Position | null;
  isEnd: boolean;
}

export class DeadLetterBox {
  readonly #host: BoxHost;

  constructor(host: BoxHost) {
    this.#host = host;
  }

  answer(call: DeadLetterCall, nowMs: number): DeadLetterAnswer {
    switch (call.do) {
      case 'list':
        return { page: this.#page(this.#scan(matcherOf(call.filter), call.after, call.max, null)) };
      case 'get': {
        const found = this.#find(call.id);
        const isEnd = { lookedAt: 1, after: null, isEnd: true };
        return { page: this.#page({ found: found ? [found] : [], ...isEnd }) };
      }
      case 'resend':
        return this.#resend(call, nowMs);
      case 'replay':
        return { replays: [this.#begin(call.order, nowMs)] };
      case 'count':
        return this.#count(call.order, call.after);
      case 'replays':
        return { replays: [...this.#host.replays.all()] };
      case 'cancel':
        return this.#cancel(call.id, nowMs);
      case 'purge':
        return this.#purge(call.filter, call.after);
    }
  }

  get isReplaying(): boolean {
    return this.#host.replays.all().some(({ state }) => state === 'running');
  }

  /** Runs the next slice of each replay. Returns when to continue; null if all have ended. */
  replay(nowMs: number): number | null {
    const running = this.#host.replays.all().filter(({ state }) => state === 'running');
    if (running.length === 0) return null;
    if (this.#host.outbox.count >= OUTGOING_MAX) return nowMs + PAUSE_MS;
    let next = Infinity;
    for (const replay of running) {
      // Other replays, and a start of the object, come between the slices of one with a rate. A clock may have gone back.
      const { nextMs: dueMs = 0 } = replay;
      if (dueMs > nowMs && dueMs <= nowMs + PAUSE_MS) {
        next = Math.min(next, dueMs);
        continue;
      }
      const after = this.#slice(replay, nowMs);
      this.#host.replays.put(after);
      if (after.state === 'running') next = Math.min(next, after.nextMs ?? nowMs + 1);
    }
    return next === Infinity ? null : next;
  }

  #begin(order: ReplayOrder, nowMs: number): StoredReplay {
    const known = this.#host.replays.all().find(({ id }) => id === order.id);
    if (known) return known; // the order came twice
    const state = this.#host.state();
    const replay: StoredReplay = {
      ...order,
      state: 'running',
      // A leased message may come back before the replay reaches it.
      total: order.ids?.length ?? readyCount(state) + state.leased,
      lookedAt: 0,
      moved: 0,
      skipped: 0,
      startedMs: nowMs,
      endedMs: null,
      after: null,
      ends: state.lanes.flatMap((lane) => (lane ? [[lane.lane, lane.nextOffset] as [number, number]] : [])),
    };
    this.#host.replays.put(replay);
    return replay;
  }

  #slice(replay: StoredReplay, nowMs: number): StoredReplay {
    const left = replay.limit === null ? Infinity : replay.limit - replay.moved;
    const max = Math.min(left, replay.ratePerS ?? Infinity, REPLAY_SLICE);
    const { found, lookedAt, after, isEnd } = this.#choose(replay, max, replay.after);
    const groups = Map.groupBy(found, ({ record }) => JSON.stringify(targetOf(replay.to, record)));
    groups.delete('null');
    let moved = 0;
    for (const [target, group] of groups) {
      this.#send(group, JSON.parse(target) as ReplayTarget, nowMs);
      moved += group.length;
    }
    const all = replay.moved + moved;
    const isDone = isEnd || all === replay.limit;
    return {
      ...replay,
      after,
      lookedAt: replay.lookedAt + lookedAt,
      moved: all,
      skipped: replay.skipped + found.length - moved,
      state: isDone ? 'done' : 'running',
      endedMs: isDone ? nowMs : null,
      ...(replay.ratePerS !== null && { nextMs: nowMs + PAUSE_MS }),
    };
  }

  /** Returns the next messages of a replay. With ids, in the order of the list. */
  #choose(order: ReplayOrder & { ends?: StoredReplay['ends'] }, max: number, after: Position | null): Scan {
    if (order.ids === null) return this.#scan(matcherOf(order.filter), after, max, order.ends ?? null);
    const first = after === null ? 0 : after.offset + 1;
    const found: Found[] = [];
    let lookedAt = 0;
    let bytes = 0;
    for (const id of order.ids.slice(first, first + max)) {
      if (bytes > PAGE_BYTES_MAX) break;
      const one = this.#find(id);
      lookedAt += 1;
      if (one === null) continue;
      bytes += recordSizeUpperBound(one.record);
      found.push(one);
    }
    const last = { lane: 0, offset: first + lookedAt - 1 };
    return { found, lookedAt, after: last, isEnd: first + lookedAt >= order.ids.length };
  }

  #scan(
    matches: (record: LogRecord) => boolean,
    start: Position | null,
    max: number,
    ends: StoredReplay['ends'] | null,
  ): Scan {
    const { source } = this.#host;
    const { lanes } = this.#host.state();
    const endOf = new Map(ends);
    const found: Found[] = [];
    let after = start;
    let lookedAt = 0;
    let bytes = 0;
    let scanned = 0;
    for (let number = start?.lane ?? lanes.length - 1; number >= 0; number--) {
      const lane = lanes[number];
      if (!lane) continue;
      const end = ends === null ? Infinity : (endOf.get(number) ?? 0);
      for (const { extent, offset } of readyIn(lane, source, number === start?.lane ? start.offset + 1 : 0)) {
        if (offset >= end) break;
        if (
          found.length >= max ||
          lookedAt >= DEAD_LETTER_SCAN_MAX ||
          bytes > PAGE_BYTES_MAX ||
          scanned > SCAN_BYTES_MAX
        )
          return { found, lookedAt, after, isEnd: false };
        const record = this.#host.recordAt(extent, offset);
        lookedAt += 1;
        after = { lane: number, offset };
        scanned += recordSizeUpperBound(record);
        if (!matches(record)) continue;
        bytes += recordSizeUpperBound(record);
        found.push({ position: after, record });
      }
    }
    return { found, lookedAt, after, isEnd: true };
  }

  #find(id: string): Found | null {
    const position = parseDeadLetterId(this.#host.id, id);
    const extent = position && readyAt(this.#host.state(), this.#host.source, position);
    if (!extent) return null;
    const record = this.#host.recordAt(extent, position.offset);
    return isDeadLetter(record) ? { position: position, record } : null;
  }

  #page({ found, after, isEnd }: Scan) {
    return {
      ids: found.map(({ position }) => formatDeadLetterId(this.#host.id, position)),
      batches: found.length === 0 ? new Uint8Array() : encodeBatch(found.map(({ record }) => record)),
      next: isEnd ? null : after,
    };
  }

  #resend({ id, bytes, to }: Extract<DeadLetterCall, { do: 'resend' }>, nowMs: number): DeadLetterAnswer {
    const found = this.#find(id);
    if (!found) return { count: 0 };
    if (hopsOf(found.record) >= BROKER_HOPS_MAX) return { count: 0, refused: 'hop_limit' };
    const target = targetOf(to, found.record);
    if (target === null) return { count: 0, refused: 'no_origin' };
    const [edited] = bytes.length === 0 ? [found.record] : decoded(bytes, 0);
    this.#send([{ ...found, record: edited! }], target, nowMs);
    return { count: 1 };
  }

  #count(order: ReplayOrder, after: Position | null): DeadLetterAnswer {
    const scan = this.#choose(order, order.ids === null ? Infinity : order.ids.length, after);
    const count = scan.found.filter(({ record }) => targetOf(order.to, record) !== null).length;
    return { count, skipped: scan.found.length - count, next: scan.isEnd ? null : scan.after };
  }

  #cancel(id: string, nowMs: number): DeadLetterAnswer {
    const known = this.#host.replays.all().find((replay) => replay.id === id);
    if (!known) return { replays: [] };
    if (known.state !== 'running') return { replays: [known] };
    const cancelled: StoredReplay = { ...known, state: 'cancelled', endedMs: nowMs };
    this.#host.replays.put(cancelled);
    return { replays: [cancelled] };
  }

  #purge(filter: MessageFilter, after: Position | null): DeadLetterAnswer {
    const scan = this.#scan(matcherOf(filter), after, PURGE_SLICE, null);
    const state = this.#host.state();
    for (const { position } of scan.found) takeOut(state, this.#host.source, position);
    state.counters.dropped += scan.found.length;
    return { count: scan.found.length, next: scan.isEnd ? null : scan.after };
  }

  #send(found: readonly Found[], target: ReplayTarget, nowMs: number): void {
    const { outbox, name, source } = this.#host;
    const state = this.#host.state();
    outbox.add(
      found.map(({ record }) => replayedRecord(record, name, nowMs)),
      target,
    );
    for (const { position } of found) takeOut(state, source, position);
    state.counters.replayed += found.length;
  }
}

/** Returns the target of a message; null if its origin is unknown, or it reached the hop limit. */
function targetOf(to: ReplayTarget | null, record: LogRecord): ReplayTarget | null {
  if (hopsOf(record) >= BROKER_HOPS_MAX) return null;
  if (to !== null) return to;
  const queue = deathOf(record)?.original_queue;
  return queue === undefined ? null : { queue };
}
