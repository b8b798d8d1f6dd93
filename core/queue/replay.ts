/**
 * Replay: moves dead letters to their targets, slice by slice. It decides which letters a slice takes, where each goes,
 * when the next slice is due, and when the replay ends. A letter without a target is skipped, and stays.
 */

import type { ReplayTarget } from '../../protocol/schemas/dead-letters.ts';
import { BROKER_HOPS_MAX } from '../../protocol/limits.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { hasDiedIn, matcherOf, type MessageFilter } from './dead-letters/dead-letter-filter.ts';
import { deathOf, hopsOf } from './dead-letters/death-headers.ts';
import {
  lettersOf,
  nextOf,
  scanLetters,
  type LaneEnds,
  type Letter,
  type LetterScan,
  type LetterSource,
} from './dead-letters/letter-scan.ts';
import { readyCount, type QueueMachine } from './state/queue-machine.ts';
import type { Position } from './state/ready-messages.ts';

/** Messages that one slice moves: one row of the outbox, and some milliseconds. */
export const SLICE_MAX = 500;

/** A replay pauses while this many messages of the queue are still on their way. */
const OUTGOING_MAX = 5_000;

/** Between slices of a replay with a rate, which is per second, and while a replay pauses. */
const PAUSE_MS = 1_000;

export interface ReplayOrder {
  id: string;
  filter: MessageFilter;
  /** Only these; null: all that match. */
  ids: string[] | null;
  /** null: each message goes to the queue that it was published to. */
  to: ReplayTarget | null;
  /** Only those that go back to this queue, because whoever orders it has no rights on others; absent: all. */
  onlyTo?: string;
  /** Only those that died in this queue, whatever `ids` says, for the same reason; absent: all. */
  onlyFrom?: string;
  limit: number | null;
  ratePerS: number | null;
}

/** A replay as its row has it. Times in ms. */
export interface StoredReplay extends ReplayOrder {
  state: 'running' | 'done' | 'cancelled';
  total: number;
  lookedAt: number;
  moved: number;
  skipped: number;
  startedMs: number;
  endedMs: number | null;
  /** With a rate: when the next slice is due. Not before the first. */
  nextMs?: number;
  /** Where the next slice begins. */
  after: Position | null;
  /** Messages behind these offsets came after the replay had begun, perhaps by it. */
  ends: LaneEnds;
}

/** The letters of a slice, by their target. */
export interface Slice {
  scan: LetterScan;
  groups: { target: ReplayTarget; letters: Letter[] }[];
  moved: number;
}

export function beginReplay(order: ReplayOrder, state: QueueMachine, nowMs: number): StoredReplay {
  return {
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
    ends: state.lanes.flatMap((lane): LaneEnds => (lane ? [[lane.lane, lane.nextOffset]] : [])),
  };
}

/** A replay that has ended stays as it is. */
export function cancelReplay<Job extends Pick<StoredReplay, 'state' | 'endedMs'>>(
  replay: Job,
  nowMs: number,
): Job {
  return replay.state === 'running' ? { ...replay, state: 'cancelled', endedMs: nowMs } : replay;
}

/**
 * Returns which replays take a slice now, and when to look again for the others; null if no other one runs.
 * @param outgoing messages of the queue that are on their way
 */
export function dueReplays<Job extends Pick<StoredReplay, 'state' | 'nextMs'>>(
  replays: readonly Job[],
  outgoing: number,
  nowMs: number,
): { due: Job[]; nextMs: number | null } {
  const running = replays.filter(({ state }) => state === 'running');
  if (running.length === 0) return { due: [], nextMs: null };
  if (outgoing >= OUTGOING_MAX) return { due: [], nextMs: nowMs + PAUSE_MS };
  // Other replays, and a start of the object, come between the slices of one with a rate. A clock may have gone back.
  const waits = ({ nextMs = 0 }: Pick<StoredReplay, 'nextMs'>): boolean =>
    nextMs > nowMs && nextMs <= nowMs + PAUSE_MS;
  const waiting = running.filter(waits).map(({ nextMs }) => nextMs!);
  return {
    due: running.filter((replay) => !waits(replay)),
    nextMs: waiting.length === 0 ? null : Math.min(...waiting),
  };
}

/** When the next slice of a replay is due; null if it has ended. */
export function nextSliceMs(
  { state, nextMs }: Pick<StoredReplay, 'state' | 'nextMs'>,
  nowMs: number,
): number | null {
  return state === 'running' ? (nextMs ?? nowMs + 1) : null;
}

export function nextSlice(source: LetterSource, replay: StoredReplay): Slice {
  const left = replay.limit === null ? Infinity : replay.limit - replay.moved;
  const max = Math.min(left, replay.ratePerS ?? Infinity, SLICE_MAX);
  const scan = orderedLetters(source, replay, replay.after, max, replay.ends);
  const byTarget = new Map<string, Slice['groups'][number]>();
  let moved = 0;
  for (const letter of scan.letters) {
    const target = orderedTarget(replay, letter.record);
    if (target === null) continue;
    const key = JSON.stringify(target);
    const group = byTarget.get(key);
    if (group) group.letters.push(letter);
    else byTarget.set(key, { target, letters: [letter] });
    moved += 1;
  }
  return { scan, groups: [...byTarget.values()], moved };
}

export function afterSlice(replay: StoredReplay, { scan, moved }: Slice, nowMs: number): StoredReplay {
  const all = replay.moved + moved;
  const isDone = scan.isEnd || all === replay.limit;
  return {
    ...replay,
    after: scan.after,
    lookedAt: replay.lookedAt + scan.lookedAt,
    moved: all,
    skipped: replay.skipped + scan.letters.length - moved,
    state: isDone ? 'done' : 'running',
    endedMs: isDone ? nowMs : null,
    ...(replay.ratePerS !== null && { nextMs: nowMs + PAUSE_MS }),
  };
}

/** Counts the letters that an order would move and skip, in a step that begins after a position. */
export function countLetters(
  source: LetterSource,
  order: ReplayOrder,
  after: Position | null,
): { count: number; skipped: number; next: Position | null } {
  const scan = orderedLetters(source, order, after, order.ids?.length ?? Infinity, null);
  const count = scan.letters.filter(({ record }) => orderedTarget(order, record) !== null).length;
  return { count, skipped: scan.letters.length - count, next: nextOf(scan) };
}

/** Returns the target of one letter that is sent again, or why it is not. */
export function resendTarget(
  to: ReplayTarget | null,
  record: LogRecord,
): { target: ReplayTarget } | { refused: 'no_origin' | 'hop_limit' } {
  const target = targetOf(to, record);
  if (target !== null) return { target };
  return { refused: isAtHopLimit(record) ? 'hop_limit' : 'no_origin' };
}

/** Returns the letters that an order means. With ids, in the order of the list. */
function orderedLetters(
  source: LetterSource,
  { ids, filter }: ReplayOrder,
  after: Position | null,
  max: number,
  ends: LaneEnds | null,
): LetterScan {
  if (ids !== null) return lettersOf(source, ids, after, max);
  return scanLetters(source, matcherOf(filter), after, max, ends);
}

/** As `targetOf`, and null for a message that comes from a queue, or would go back to one, that the order does not reach. */
function orderedTarget({ to, onlyTo, onlyFrom }: ReplayOrder, record: LogRecord): ReplayTarget | null {
  if (onlyFrom !== undefined && !hasDiedIn(record, onlyFrom)) return null;
  const target = targetOf(to, record);
  if (to !== null || onlyTo === undefined || target === null) return target;
  return 'queue' in target && target.queue === onlyTo ? target : null;
}

/** Returns null if the origin of the message is unknown, or the message reached the hop limit. */
function targetOf(to: ReplayTarget | null, record: LogRecord): ReplayTarget | null {
  if (isAtHopLimit(record)) return null;
  if (to !== null) return to;
  const queue = deathOf(record)?.original_queue;
  return queue === undefined ? null : { queue };
}

function isAtHopLimit(record: LogRecord): boolean {
  return hopsOf(record) >= BROKER_HOPS_MAX;
}
