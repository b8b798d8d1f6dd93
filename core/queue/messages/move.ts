/**
 * Move: takes the messages of a queue to another queue, slice by slice. It is a replay of any messages, not only of dead
 * letters: the same rows, times and outbox. A message leaves its queue and enters the outbox in one commit, and its target takes each
 * number of the outbox once, so a message is in one place at a time.
 */

import { PROPERTY_HEADERS } from '../../../protocol/headers/message-headers.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import type { MessageState } from '../../../protocol/schemas/queue-messages.ts';
import { withoutAttempts } from '../dead-letters/dead-letter-record.ts';
import { beginReplay, SLICE_MAX, type StoredReplay } from '../replay.ts';
import type { QueueMachine } from '../state/queue-machine.ts';
import type { MessagePosition } from './message-id.ts';
import type { MessageFilter, MessagePage, ScanEnds } from './message-scan.ts';

/** States of messages that can be moved. A leased one belongs to its consumer. */
export type MovedState = Exclude<MessageState, 'leased'>;

export interface MoveOrder {
  id: string;
  filter: MessageFilter;
  states: MovedState[];
  /** Only these; null: all that match. */
  positions: MessagePosition[] | null;
  to: { queue: string };
  limit: number | null;
  ratePerS: number | null;
}

/** A move as its row has it: among the replays of the queue. */
export interface StoredMove extends Omit<StoredReplay, 'after' | 'filter' | 'to'> {
  kind: 'move';
  filter: { any: true };
  to: { queue: string };
  what: Pick<MoveOrder, 'filter' | 'states' | 'positions'>;
  /** Where the next slice begins: after this position, or after so many of the list. */
  after: MessagePosition | null;
  done: number;
  /** Rows of waiting messages from this number on came after the move had begun. */
  seqEnd: number;
}

/** Ids of moves in the table of replays. Clients cannot choose `~`. */
const PREFIX = 'move~';

export const isMove = (replay: StoredReplay | StoredMove): replay is StoredMove =>
  'kind' in replay && replay.kind === 'move';

export const storedMoveId = (id: string): string => `${PREFIX}${id}`;
export const moveIdOf = ({ id }: StoredMove): string => id.slice(PREFIX.length);

/** @param seqEnd the number that the next row of waiting messages gets */
export function beginMove(order: MoveOrder, state: QueueMachine, seqEnd: number, nowMs: number): StoredMove {
  const { id, filter, states, positions, to, limit, ratePerS } = order;
  const replay = beginReplay(
    { id: storedMoveId(id), filter: { any: true }, ids: null, to, limit, ratePerS },
    state,
    nowMs,
  );
  const ready = states.includes('ready') ? replay.total : 0;
  const parked = states.length > Number(states.includes('ready')) ? state.parked : 0;
  return {
    ...replay,
    kind: 'move',
    filter: { any: true },
    to,
    what: { filter, states, positions },
    total: positions?.length ?? ready + parked,
    after: null,
    done: 0,
    seqEnd,
  };
}

/** Returns how many messages the next slice may take. */
export function moveRoom({ limit, moved, ratePerS }: StoredMove): number {
  return Math.min(limit === null ? Infinity : limit - moved, ratePerS ?? Infinity, SLICE_MAX);
}

/** Returns what bounds the slices of a move: nothing that came after it had begun. */
export function moveEnds({ ends, seqEnd }: StoredMove): ScanEnds {
  return { lanes: ends, seq: seqEnd };
}

/** What a slice has done. */
export interface MoveSlice {
  moved: number;
  lookedAt: number;
  /** Of a list: those that are not there, or cannot be moved. */
  skipped: number;
  next: MessagePage['next'];
  isEnd: boolean;
}

const PAUSE_MS = 1_000;

export function afterMoveSlice(move: StoredMove, slice: MoveSlice, nowMs: number): StoredMove {
  const moved = move.moved + slice.moved;
  const isDone = slice.isEnd || moved === move.limit;
  return {
    ...move,
    after: slice.next,
    done: move.done + slice.lookedAt,
    lookedAt: move.lookedAt + slice.lookedAt,
    moved,
    skipped: move.skipped + slice.skipped,
    state: isDone ? 'done' : 'running',
    endedMs: isDone ? nowMs : null,
    ...(move.ratePerS !== null && { nextMs: nowMs + PAUSE_MS }),
  };
}

const OF_DELAY = new Set<string>([PROPERTY_HEADERS.delay_ms, PROPERTY_HEADERS.deliver_at]);

/**
 * Returns the record of a message that moves: as it was published, with its time to live, and no attempts. Only one that waits for
 * its first delivery is still delayed.
 */
export function movedRecord(record: LogRecord, state: MovedState): LogRecord {
  const moved = withoutAttempts(record);
  if (state === 'delayed') return moved;
  return { ...moved, headers: moved.headers.filter(({ key }) => !OF_DELAY.has(key)) };
}
