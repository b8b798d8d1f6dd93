/** Message metadata: what the queue reads from the record of a stored message, beyond its position. */

import {
  DAMAGED_HEADER,
  DEATH_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  PROPERTY_HEADERS,
  RESERVED_PREFIX,
} from '../../../protocol/schemas/messages.ts';
import { murmur2 } from '../../../protocol/murmur2.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import type { LaneExtent } from './segment-state.ts';

export interface MessageMetadata {
  /** When it was published, in ms. */
  timestampMs: number;
  /** Its own time to live; null: none. */
  expirationMs: number | null;
  /** Its ordering key, one character a byte, a long one by its hash; null: none. Two keys with one hash wait for each other. */
  key: string | null;
  /** Deliveries and failures before it was parked. */
  deliveriesBefore: number;
  failuresBefore: number;
  /** What is wrong with its stored batch, if that is damaged. */
  damage?: string;
  /** It died elsewhere, and this queue keeps it. */
  isDeadLetter: boolean;
}

/** What a publish needs to know besides. */
export interface ArrivalMetadata extends MessageMetadata {
  priority: number;
  /** When it is to be delivered; null: at once. */
  dueMs: number | null;
  messageId: string | null;
}

/** How the machine looks at the stored messages. */
export interface SegmentSource {
  /** The segment that holds the offset, or the next one of the lane that exists. */
  extentAt(lane: number, offset: number): LaneExtent | null;
  /** The metadata of each message of a segment, by offset. */
  metadata(extent: LaneExtent): (offset: number) => MessageMetadata;
  /** True if stored batches of the segment are damaged, which the metadata of their messages say. */
  isDamaged?(extent: LaneExtent): boolean;
}

const decoder = new TextDecoder();

export function readMetadata(record: Pick<LogRecord, 'key' | 'timestamp' | 'headers'>): ArrivalMetadata {
  const metadata: ArrivalMetadata = {
    timestampMs: record.timestamp,
    expirationMs: null,
    key: record.key === null ? null : keyOf(record.key),
    deliveriesBefore: 0,
    failuresBefore: 0,
    isDeadLetter: false,
    priority: 0,
    dueMs: null,
    messageId: null,
  };
  for (const { key, value } of record.headers) {
    if (!key.startsWith(RESERVED_PREFIX) || value === null) continue;
    if (key === PROPERTY_HEADERS.priority) metadata.priority = numberOf(value);
    else if (key === PROPERTY_HEADERS.expiration_ms) metadata.expirationMs = numberOf(value);
    else if (key === PROPERTY_HEADERS.delay_ms) metadata.dueMs = record.timestamp + numberOf(value);
    else if (key === PROPERTY_HEADERS.deliver_at) metadata.dueMs = numberOf(value);
    else if (key === PROPERTY_HEADERS.message_id) metadata.messageId = decoder.decode(value);
    else if (key === DELIVERIES_HEADER) metadata.deliveriesBefore = countOf(value);
    else if (key === FAILURES_HEADER) metadata.failuresBefore = countOf(value);
    else if (key === DEATH_HEADER) metadata.isDeadLetter = true;
    else if (key === DAMAGED_HEADER) metadata.damage = decoder.decode(value);
  }
  return metadata;
}

/** True if neither deliveries nor expiry have to look at the message. */
export function isPlain(metadata: MessageMetadata): boolean {
  const { key, expirationMs, deliveriesBefore, isDeadLetter } = metadata;
  if (metadata.damage !== undefined) return false;
  return key === null && expirationMs === null && deliveriesBefore === 0 && !isDeadLetter;
}

/** When the message expires, in ms; Infinity for never. */
export function expiryOf(
  metadata: Pick<MessageMetadata, 'timestampMs' | 'expirationMs'>,
  messageTtlMs: number | null,
): number {
  return metadata.timestampMs + Math.min(metadata.expirationMs ?? Infinity, messageTtlMs ?? Infinity);
}

function numberOf(value: Uint8Array): number {
  return Number(decoder.decode(value));
}

function countOf(value: Uint8Array): number {
  const count = numberOf(value);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

/** Keys in flight are kept in memory, perhaps very many: above this many bytes a hash stands for them. */
const KEY_BYTES_KEPT = 24;

function keyOf(bytes: Uint8Array): string {
  if (bytes.length <= KEY_BYTES_KEPT) return latin1(bytes);
  return `${latin1(bytes.subarray(0, 8))}${bytes.length}.${murmur2(bytes)}.${murmur2(bytes.subarray(8))}`;
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
