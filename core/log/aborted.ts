/** Aborted transactions: what a reader of committed records does not get to see. */

import { storedHeader } from './fetch.ts';
import type { BatchHeader } from '../../protocol/record-batch/index.ts';

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

/** The chunks, each whole batches, without those that were aborted and without markers, which are of no more use then. */
export function committedOnly(
  chunks: readonly Uint8Array[],
  aborted: readonly AbortedTransaction[],
): Uint8Array[] {
  return chunks.flatMap((chunk) => committedParts(chunk, aborted));
}

function committedParts(chunk: Uint8Array, aborted: readonly AbortedTransaction[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  let at = 0;
  while (at < chunk.length) {
    const header = storedHeader(chunk, at);
    const end = at + header.sizeInBytes;
    if (header.isControl || isAborted(header, aborted)) {
      if (at > start) parts.push(chunk.subarray(start, at));
      start = end;
    }
    at = end;
  }
  if (at > start) parts.push(chunk.subarray(start, at));
  return parts;
}
