/**
 * Settlement frames: settlements of runs of messages as bytes, and their outcomes. All numbers are big-endian.
 *
 *   settlements = uint8 0x81, uint32 id, then entries
 *   entry       = uint8 kind (index in SETTLEMENT_KINDS), uint8 lane, uint32 delivery, float64 queue id,
 *                 float64 first offset, float64 offset after the last, uint32 bytes of details,
 *                 details: the other fields of the settlement as JSON ({"delay_ms": 5}), or nothing
 *
 *   outcomes    = uint8 0x82, uint32 id of the settlements, then runs
 *   run         = uint8 outcome (index in SETTLE_OUTCOMES), uint32 number of messages
 *
 * The runs of the outcomes tell of the messages in the order of the entries. A delivery frame begins with a positive
 * float64, so its first byte is below 0x80: that tells the two apart on a socket.
 */

import { failure, isFailure, type Failure } from '../errors.ts';
import { SETTLE_TAGS_MAX } from '../limits.ts';
import {
  SETTLE_OUTCOMES,
  SETTLEMENT_KINDS,
  type SettlementKind,
  type SettleOutcome,
} from '../settlements.ts';

/** One settlement of the messages `[start, end)` of a lane, all of one delivery. */
export interface SettlementEntry {
  kind: SettlementKind;
  queueId: number;
  lane: number;
  delivery: number;
  start: number;
  end: number;
  /** As JSON text; empty if there is nothing to say. */
  details: string;
}

export interface SettlementFrame {
  id: number;
  entries: SettlementEntry[];
}

/** An entry that cannot be executed. Each of its messages gets the outcome `invalid`; other entries are settled. */
export interface InvalidEntry {
  invalid: string;
  /** How many messages its run has. */
  count: number;
}

export interface ReadSettlementFrame {
  id: number;
  entries: (SettlementEntry | InvalidEntry)[];
}

export interface OutcomeFrame {
  id: number;
  outcomes: SettleOutcome[];
}

const SETTLEMENTS = 0x81;
const OUTCOMES = 0x82;
const HEAD_BYTES = 5;
const ENTRY_BYTES = 34;
const RUN_BYTES = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encodeSettlementFrame({ id, entries }: SettlementFrame): Uint8Array {
  const details = entries.map((entry) => (entry.details === '' ? null : encoder.encode(entry.details)));
  const size = details.reduce((sum, text) => sum + ENTRY_BYTES + (text?.length ?? 0), HEAD_BYTES);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, SETTLEMENTS);
  view.setUint32(1, id);
  let at = HEAD_BYTES;
  entries.forEach(({ kind, lane, delivery, queueId, start, end }, index) => {
    const text = details[index];
    view.setUint8(at, SETTLEMENT_KINDS.indexOf(kind));
    view.setUint8(at + 1, lane);
    view.setUint32(at + 2, delivery);
    view.setFloat64(at + 6, queueId);
    view.setFloat64(at + 14, start);
    view.setFloat64(at + 22, end);
    view.setUint32(at + 30, text?.length ?? 0);
    at += ENTRY_BYTES;
    if (text) bytes.set(text, at);
    at += text?.length ?? 0;
  });
  return bytes;
}

/**
 * Reads the settlements. An entry with an unknown kind, a queue id that no queue can have, or details that are not text is
 * an `InvalidEntry`. The frame as a whole is refused only if its entries cannot be told apart or their messages cannot
 * be counted; the failure then has the frame's `id` in its details, if it could be read. A lane that no queue has is not
 * refused here: its messages are unknown to the queue, as those of a tag with such a lane are.
 */
export function decodeSettlementFrame(bytes: Uint8Array): ReadSettlementFrame | Failure {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD_BYTES || view.getUint8(0) !== SETTLEMENTS) {
    return failure('invalid_frame', `a frame of settlements begins with 0x81 and an id of four bytes`);
  }
  const id = view.getUint32(1);
  const entries: ReadSettlementFrame['entries'] = [];
  let count = 0;
  for (let at = HEAD_BYTES; at < bytes.length;) {
    const entry = decodeEntry(bytes, view, at);
    if (isFailure(entry)) return { ...entry, details: { id, entry: entries.length } };
    count += 'invalid' in entry ? entry.count : entry.end - entry.start;
    if (count > SETTLE_TAGS_MAX) {
      return failure('too_many_tags', `more than ${SETTLE_TAGS_MAX} messages; send several frames`, {
        id,
        tags_max: SETTLE_TAGS_MAX,
      });
    }
    entries.push(entry);
    at += ENTRY_BYTES + view.getUint32(at + 30);
  }
  return { id, entries };
}

function decodeEntry(
  bytes: Uint8Array,
  view: DataView,
  at: number,
): SettlementEntry | InvalidEntry | Failure {
  if (at + ENTRY_BYTES > bytes.length) return failure('invalid_frame', 'the frame ends inside an entry');
  const kind = SETTLEMENT_KINDS[view.getUint8(at)];
  const lane = view.getUint8(at + 1);
  const [queueId, start, end] = [view.getFloat64(at + 6), view.getFloat64(at + 14), view.getFloat64(at + 22)];
  const detailsEnd = at + ENTRY_BYTES + view.getUint32(at + 30);
  if (!isNatural(start) || !isNatural(end) || end <= start) {
    return failure('invalid_frame', 'a run begins at an offset and ends after it');
  }
  if (detailsEnd > bytes.length) return failure('invalid_frame', 'the frame ends inside the details');
  const count = end - start;
  if (kind === undefined) return { invalid: `${view.getUint8(at)} is no kind of settlement`, count };
  if (!isNatural(queueId)) return { invalid: `${queueId} is no id of a queue`, count };
  try {
    const details = decoder.decode(bytes.subarray(at + ENTRY_BYTES, detailsEnd));
    return { kind, lane, delivery: view.getUint32(at + 2), queueId, start, end, details };
  } catch {
    return { invalid: 'the details are not UTF-8', count };
  }
}

const isNatural = (number: number): boolean => Number.isSafeInteger(number) && number >= 0;

export function isOutcomeFrame(bytes: Uint8Array): boolean {
  return bytes[0] === OUTCOMES;
}

export function encodeOutcomeFrame({ id, outcomes }: OutcomeFrame): Uint8Array {
  const runs: { outcome: SettleOutcome; count: number }[] = [];
  for (const outcome of outcomes) {
    const last = runs[runs.length - 1];
    if (last?.outcome === outcome) last.count += 1;
    else runs.push({ outcome, count: 1 });
  }
  const bytes = new Uint8Array(HEAD_BYTES + runs.length * RUN_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, OUTCOMES);
  view.setUint32(1, id);
  runs.forEach(({ outcome, count }, index) => {
    view.setUint8(HEAD_BYTES + index * RUN_BYTES, SETTLE_OUTCOMES.indexOf(outcome));
    view.setUint32(HEAD_BYTES + index * RUN_BYTES + 1, count);
  });
  return bytes;
}

/** Reads what `encodeOutcomeFrame` wrote; a RangeError for anything else. */
export function decodeOutcomeFrame(bytes: Uint8Array): OutcomeFrame {
  if (!isOutcomeFrame(bytes)) throw new RangeError('not a frame of outcomes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame: OutcomeFrame = { id: view.getUint32(1), outcomes: [] };
  for (let at = HEAD_BYTES; at < bytes.length; at += RUN_BYTES) {
    const outcome = SETTLE_OUTCOMES[view.getUint8(at)];
    const count = view.getUint32(at + 1);
    if (outcome === undefined || frame.outcomes.length + count > SETTLE_TAGS_MAX) {
      throw new RangeError('the frame tells of what was not asked');
    }
    for (let i = 0; i < count; i++) frame.outcomes.push(outcome);
  }
  return frame;
}
