/**
 * Letter scan: finds the ready dead letters that a call means, in steps of bounded work. It sees only ready messages: a
 * message that a consumer has leased belongs to that consumer.
 */

import { DEAD_LETTER_SCAN_MAX, PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import { recordSizeUpperBound, type LogRecord } from '../../../protocol/record-batch/index.ts';
import type { SegmentSource } from '../state/message-metadata.ts';
import type { QueueMachine } from '../state/queue-machine.ts';
import { readyAt, readyIn, type Position } from '../state/ready-messages.ts';
import type { LaneExtent } from '../state/segment-state.ts';
import { isDeadLetter } from './dead-letter-filter.ts';
import { parseDeadLetterId } from './dead-letter-id.ts';

/** Bytes of the messages that one step looks at, whether they match or not: everything else in the queue waits for it. */
const SCAN_BYTES_MAX = 64 * 1024 * 1024;

/** A queue with its stored messages. */
export interface LetterSource {
  queueId: number;
  state: QueueMachine;
  source: SegmentSource;
  recordAt: (extent: LaneExtent, offset: number) => LogRecord;
}

export interface Letter {
  position: Position;
  record: LogRecord;
}

export interface LetterScan {
  letters: Letter[];
  /** Messages, or ids of the list, that this step has looked at. */
  lookedAt: number;
  /** Where the next step begins: after this position, or after this index of the list (as its offset). */
  after: Position | null;
  isEnd: boolean;
}

/** The offsets at which each lane ends for a scan. Lanes that are not named end at 0. */
export type LaneEnds = [lane: number, nextOffset: number][];

/** @param ends null: the scan goes to the end of each lane */
export function scanLetters(
  { state: { lanes }, source, recordAt }: LetterSource,
  matches: (record: LogRecord) => boolean,
  start: Position | null,
  max: number,
  ends: LaneEnds | null,
  bytesMax = PAGE_BYTES_MAX,
): LetterScan {
  const endOf = new Map(ends);
  const letters: Letter[] = [];
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
        letters.length >= max ||
        lookedAt >= DEAD_LETTER_SCAN_MAX ||
        bytes > bytesMax ||
        scanned > SCAN_BYTES_MAX
      )
        return { letters, lookedAt, after, isEnd: false };
      const record = recordAt(extent, offset);
      lookedAt += 1;
      after = { lane: number, offset };
      scanned += recordSizeUpperBound(record);
      if (!matches(record)) continue;
      bytes += recordSizeUpperBound(record);
      letters.push({ position: after, record });
    }
  }
  return { letters, lookedAt, after, isEnd: true };
}

/** Returns where the next step begins; null if this was the last one. */
export function nextOf({ isEnd, after }: LetterScan): Position | null {
  return isEnd ? null : after;
}

/** Returns the dead letter of an id; null if the queue has none there that is ready. */
export function letterOf({ queueId, state, source, recordAt }: LetterSource, id: string): Letter | null {
  const position = parseDeadLetterId(queueId, id);
  const extent = position && readyAt(state, source, position);
  if (!extent) return null;
  const record = recordAt(extent, position.offset);
  return isDeadLetter(record) ? { position, record } : null;
}

/** Finds the dead letters of a list of ids, in its order. */
export function lettersOf(
  source: LetterSource,
  ids: readonly string[],
  start: Position | null,
  max: number,
): LetterScan {
  const first = start === null ? 0 : start.offset + 1;
  const letters: Letter[] = [];
  let lookedAt = 0;
  let bytes = 0;
  for (const id of ids.slice(first, first + max)) {
    if (bytes > PAGE_BYTES_MAX) break;
    const letter = letterOf(source, id);
    lookedAt += 1;
    if (letter === null) continue;
    bytes += recordSizeUpperBound(letter.record);
    letters.push(letter);
  }
  const after = { lane: 0, offset: first + lookedAt - 1 };
  return { letters, lookedAt, after, isEnd: first + lookedAt >= ids.length };
}
