/**
 * Survey of stored batches: tells sound batches from damaged ones. The length of a batch lies outside its CRC, so a damaged
 * batch does not show where the next one begins. The survey finds that one by its own CRC.
 */

import { computeCrc, FIELD, readBatchHeader } from '../header.ts';
import type { BatchHeader } from '../types.ts';

/** A batch whose CRC matches its content. */
export interface SoundBatch {
  at: number;
  header: BatchHeader;
}

/** Bytes `[at, end)` that hold no sound batch, where the records `[baseOffset, nextOffset)` were. */
export interface DamagedBytes {
  at: number;
  end: number;
  baseOffset: number;
  nextOffset: number;
  problem: string;
}

export type StoredPiece = SoundBatch | DamagedBytes;

export function isDamaged(piece: StoredPiece): piece is DamagedBytes {
  return 'problem' in piece;
}

/**
 * Surveys `bytes`, which hold the offsets `[start, end)` in whole batches, one after another. The first batch may begin
 * before `start`, but does not end before it.
 *
 * A base offset lies outside the CRC too, but offsets are dense until compaction has made gaps.
 */
export function surveyBatches(bytes: Uint8Array, start: number, end: number): StoredPiece[] {
  const pieces: StoredPiece[] = [];
  /** The offset after the last piece, and after the one before it. */
  let expected = 0;
  let before = 0;
  for (let at = 0; at < bytes.length;) {
    const last = pieces.at(-1);
    // A batch that leaves a gap before it and overlaps the next one has moved. One that follows on has its old offset.
    const hasMoved =
      last !== undefined && !isDamaged(last) && last.header.baseOffset > Math.max(before, start);
    const header = soundHeader(bytes, at, hasMoved ? before : expected, start, end);
    if (header !== null) {
      if (hasMoved && header.baseOffset < expected) {
        const problem = `batch at ${last.at} has offsets of the batch after it`;
        const range = { baseOffset: Math.max(before, start), nextOffset: header.baseOffset };
        pieces[pieces.length - 1] = { at: last.at, end: at, ...range, problem };
      }
      pieces.push({ at, header });
      before = Math.min(expected, header.baseOffset);
      expected = header.baseOffset + header.lastOffsetDelta + 1;
      at += header.sizeInBytes;
      continue;
    }
    const next = findSound(bytes, at + 1, expected, start, end);
    const nextOffset = next?.header.baseOffset ?? end;
    pieces.push({
      at,
      end: next?.at ?? bytes.length,
      baseOffset: Math.max(expected, start),
      nextOffset,
      problem: problemOf(bytes, at),
    });
    at = next?.at ?? bytes.length;
    before = expected = nextOffset;
  }
  return pieces;
}

/** Compares the CRC of the batch at `at`. */
export function isSoundBatch(bytes: Uint8Array, at: number, header: BatchHeader): boolean {
  return computeCrc(bytes, at, header.sizeInBytes) === header.crc;
}

function soundHeader(
  bytes: Uint8Array,
  at: number,
  from: number,
  start: number,
  end: number,
): BatchHeader | null {
  const header = readBatchHeader(bytes, at);
  if ('code' in header) return null;
  const last = header.baseOffset + header.lastOffsetDelta;
  if (header.baseOffset < from || last < start || last >= end) return null;
  return isSoundBatch(bytes, at, header) ? header : null;
}

/** Finds the next sound batch. It computes a CRC only if the offset and the magic are possible, which is rare in other bytes. */
function findSound(
  bytes: Uint8Array,
  first: number,
  from: number,
  start: number,
  end: number,
): SoundBatch | null {
  for (let at = first; at + FIELD.magic < bytes.length; at++) {
    if (bytes[at + FIELD.magic] !== 2 || bytes[at] !== 0) continue;
    const header = soundHeader(bytes, at, from, start, end);
    if (header !== null) return { at, header };
  }
  return null;
}

function problemOf(bytes: Uint8Array, at: number): string {
  const header = readBatchHeader(bytes, at);
  if ('code' in header) return header.message;
  const crc = computeCrc(bytes, at, header.sizeInBytes);
  return crc === header.crc
    ? `batch at ${at} has offsets that do not belong there`
    : `batch at ${at} has CRC ${header.crc}, its content gives ${crc}`;
}
