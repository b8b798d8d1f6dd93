/** Aborted transactions: the records that readers of committed records do not see. */

import {
  isBatchFailure,
  isSoundBatch,
  readBatchHeader,
  type BatchHeader,
} from '../../protocol/record-batch/index.ts';
import { storedParts } from './fetch.ts';

/** A transaction that was aborted, as far as it concerns this log. One producer's never overlap. */
export interface AbortedTransaction {
  producerId: number;
  /** The offset of its first record. */
  firstOffset: number;
  /** The offset of its marker. */
  lastOffset: number;
  /** The last stable offset when it ended: no later one of the index begins before it. */
  stableOffset: number;
}

export type ReadIsolation = 'read_committed' | 'read_uncommitted';

export function isAborted(
  header: BatchHeader,
  aborted: readonly Pick<AbortedTransaction, 'producerId' | 'firstOffset' | 'lastOffset'>[],
): boolean {
  if (!header.isTransactional || header.isControl) return false;
  return aborted.some(
    ({ producerId, firstOffset, lastOffset }) =>
      producerId === header.producerId && firstOffset <= header.baseOffset && header.baseOffset < lastOffset,
  );
}

/** Returns the chunks, each of whole batches, without aborted batches and without markers. */
export function committedOnly(
  chunks: readonly Uint8Array[],
  aborted: readonly AbortedTransaction[],
): Uint8Array[] {
  return chunks.flatMap((chunk) => committedParts(chunk, aborted));
}

function committedParts(chunk: Uint8Array, aborted: readonly AbortedTransaction[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const { at, end } of storedParts(chunk, ANY_OFFSETS)) {
    if (!isLeftOut(chunk, at, aborted)) continue;
    if (at > start) parts.push(chunk.subarray(start, at));
    start = end;
  }
  if (chunk.length > start) parts.push(chunk.subarray(start));
  return parts;
}

const ANY_OFFSETS = { baseOffset: 0, nextOffset: Number.MAX_SAFE_INTEGER };

/** Compares the CRC before it leaves a batch out. The reader has to see a damaged batch, whatever its header says. */
function isLeftOut(chunk: Uint8Array, at: number, aborted: readonly AbortedTransaction[]): boolean {
  const header = readBatchHeader(chunk, at);
  if (isBatchFailure(header) || !(header.isControl || isAborted(header, aborted))) return false;
  return isSoundBatch(chunk, at, header);
}
