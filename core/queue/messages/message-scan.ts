/**
 * Message scan: finds the messages of a page, in steps of bounded work. Ready and leased ones come first, in the order of
 * delivery; those that wait for their time come after them, in the order of their time.
 */

import { DEAD_LETTER_SCAN_MAX, PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import { recordSizeUpperBound, type LogRecord } from '../../../protocol/record-batch/index.ts';
import {
  DAMAGED_HEADER,
  PROPERTY_HEADERS,
  ROUTING_KEY_HEADER,
} from '../../../protocol/headers/message-headers.ts';
import type { MessageState } from '../../../protocol/schemas/queue-messages.ts';
import { textOf } from '../dead-letters/death-headers.ts';
import type { LaneEnds, LetterSource } from '../dead-letters/letter-scan.ts';
import { heldIn, type HeldMessage } from './held-messages.ts';
import { isParkedPosition, type MessagePosition, type ParkedPosition } from './message-id.ts';

/** Bytes of the messages that one step looks at, whether they match or not: everything else in the queue waits for it. */
const SCAN_BYTES_MAX = 16 * PAGE_BYTES_MAX;

/** A message in a row of those that wait. */
export interface ParkedFound {
  position: ParkedPosition;
  record: LogRecord;
  /** It has failed, and waits for its next attempt. */
  isRetry: boolean;
}

export interface FoundMessage {
  position: MessagePosition;
  record: LogRecord;
  state: MessageState;
  /** Of a ready or leased one. */
  held: HeldMessage | null;
}

/** Selects messages: those that match all given fields. */
export interface MessageFilter {
  messageId?: string;
  orderingKey?: string;
  routingKey?: string;
}

export interface MessageQuery extends MessageFilter {
  /** null: any. */
  states: readonly MessageState[] | null;
  max: number;
  bytesMax: number;
}

/** Where a scan ends: messages behind these offsets of lanes, and rows from this number on, came later. */
export interface ScanEnds {
  lanes: LaneEnds;
  seq: number;
}

export interface MessagePage {
  found: FoundMessage[];
  /** Messages that this step has looked at. */
  lookedAt: number;
  /** Where the next page begins: after this position; null: that was all. */
  next: MessagePosition | null;
}

/** @param parkedFrom yields those that wait after a position, in order, as they are asked for */
export function scanMessages(
  letters: LetterSource,
  parkedFrom: (after: ParkedPosition | null) => Iterable<ParkedFound>,
  query: MessageQuery,
  after: MessagePosition | null,
  ends: ScanEnds | null = null,
): MessagePage {
  const matches = matcherOf(query);
  const found: FoundMessage[] = [];
  let bytes = 0;
  let scanned = 0;
  let lookedAt = 0;
  let next: MessagePosition | null = null;
  for (const message of walk(letters, parkedFrom, query.states, after, ends)) {
    if (
      found.length >= query.max ||
      bytes > query.bytesMax ||
      lookedAt >= DEAD_LETTER_SCAN_MAX ||
      scanned > SCAN_BYTES_MAX
    )
      return { found, lookedAt, next };
    next = message.position;
    const size = recordSizeUpperBound(message.record);
    lookedAt += 1;
    scanned += size;
    if (query.states !== null && !query.states.includes(message.state)) continue;
    if (!matches(message.record)) continue;
    bytes += size;
    found.push(message);
  }
  return { found, lookedAt, next: null };
}

/** Returns the state of a message in a segment. */
export const stateOfHeld = ({ lease }: HeldMessage): MessageState => (lease === null ? 'ready' : 'leased');

/** Returns the state of a message that waits for its time. */
export const stateOfParked = ({ isRetry }: Pick<ParkedFound, 'isRetry'>): MessageState =>
  isRetry ? 'waiting' : 'delayed';

function* walk(
  { state: { lanes }, source, recordAt }: LetterSource,
  parkedFrom: (after: ParkedPosition | null) => Iterable<ParkedFound>,
  wanted: readonly MessageState[] | null,
  after: MessagePosition | null,
  ends: ScanEnds | null,
): IterableIterator<FoundMessage> {
  const isAfterHeld = after !== null && isParkedPosition(after);
  const isWanted = (state: MessageState): boolean => wanted === null || wanted.includes(state);
  const which = { ready: isWanted('ready'), leased: isWanted('leased') };
  const endOf = new Map(ends?.lanes);
  if (!isAfterHeld && (which.ready || which.leased)) {
    for (let number = after?.lane ?? lanes.length - 1; number >= 0; number--) {
      const lane = lanes[number];
      if (!lane) continue;
      const end = ends === null ? Infinity : (endOf.get(number) ?? 0);
      for (const held of heldIn(lane, source, number === after?.lane ? after.offset + 1 : 0, which)) {
        if (held.offset >= end) break;
        const position = { lane: number, offset: held.offset };
        yield { position, record: recordAt(held.extent, held.offset), state: stateOfHeld(held), held };
      }
    }
  }
  if (!isWanted('waiting') && !isWanted('delayed')) return;
  for (const parked of parkedFrom(isAfterHeld ? after : null)) {
    if (ends !== null && parked.position.seq >= ends.seq) continue;
    // In whatever state: the scan has to count what it looks at.
    yield { position: parked.position, record: parked.record, state: stateOfParked(parked), held: null };
  }
}

/** A damaged message is not shown: nobody will be given it, and it dies where it stands. */
function matcherOf({ messageId, orderingKey, routingKey }: MessageFilter): (record: LogRecord) => boolean {
  const decoder = new TextDecoder();
  return (record) => {
    if (record.headers.some(({ key }) => key === DAMAGED_HEADER)) return false;
    if (messageId !== undefined && textOf(record, PROPERTY_HEADERS.message_id) !== messageId) return false;
    if (routingKey !== undefined && textOf(record, ROUTING_KEY_HEADER) !== routingKey) return false;
    return orderingKey === undefined || (record.key !== null && decoder.decode(record.key) === orderingKey);
  };
}
