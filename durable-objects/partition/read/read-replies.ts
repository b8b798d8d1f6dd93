/** Read replies: the answers to readers that waited, and the offset where a read begins. */

import type { ReadIsolation } from '../../../core/log/aborted.ts';
import { encodeFetchFrame } from '../../../core/log/fetch-frame.ts';
import { isFailure } from '../../../protocol/errors.ts';
import type { Wait } from '../../runtime/waiters.ts';
import { ColdMiss } from '../../storage/cold-part.ts';
import { concatenate } from '../../../protocol/bytes.ts';
import type { Cleanable } from '../log/clean-up.ts';
import type { GroupOffsets } from '../groups/group-offsets.ts';
import { zlibCodec } from '../../storage/zlib-codec.ts';
import type { ReadRequest } from '../../rpc/partition.ts';

/** The batches that one of the waiting readers gets with its wake. */
const WAKE_BYTES_MAX = 128 * 1024;

/** The frame that a waiting reader is sent; null while there is nothing for it. */
export function answerTo(
  wait: Wait,
  { log, produced, groups }: Cleanable & { groups: GroupOffsets },
): Uint8Array | null | 'gone' {
  if (wait.pendingOf !== undefined) return groups.isPending(wait.pendingOf) ? null : 'gone';
  const result = readNow(produced, wait);
  if (result === null || isFailure(result)) return 'gone';
  const { chunks, nextOffset } = result;
  const isProgress = wait.waitsForProgress === true && nextOffset > wait.offset;
  const hasNews = isProgress || log.offsets.highWatermark > (wait.seenHighWatermark ?? Infinity);
  if (chunks.length === 0 && !hasNews) return isAtEnd(wait, nextOffset, { log, produced }) ? null : 'gone';
  // Everybody who waits is answered at once, so none gets much: the others ask again, one after another.
  if (chunks.reduce((sum, chunk) => sum + chunk.length, 0) > WAKE_BYTES_MAX) return 'gone';
  return encodeFetchFrame({
    ...log.offsets,
    lastStableOffset: produced.lastStableOffset,
    startOffset: wait.offset,
    nextOffset,
    batches: concatenate(chunks),
  });
}

/** Null if it lacks bytes of the bucket: the reader asks again, and that read loads them. */
function readNow(
  produced: Cleanable['produced'],
  { offset, bytesMax, recordsMax, isolation }: Wait,
): ReturnType<Cleanable['produced']['read']> | null {
  try {
    return produced.read(offset, bytesMax, recordsMax, isolation);
  } catch (error) {
    if (error instanceof ColdMiss) return null;
    throw error;
  }
}

/**
 * Returns whether nothing is there to read at an offset. A long run of aborted records is read in parts, so that a read without records
 * may end before others.
 */
export function isAtEnd(
  { isolation }: { isolation: ReadIsolation },
  offset: number,
  { log, produced }: Pick<Cleanable, 'log' | 'produced'>,
): boolean {
  return offset >= (isolation === 'read_committed' ? produced.lastStableOffset : log.offsets.highWatermark);
}

export function resolveOffset(
  { log, produced }: Pick<Cleanable, 'log' | 'produced'>,
  offset: NonNullable<ReadRequest['offset']>,
  isolation: ReadIsolation,
): number {
  if (offset === 'earliest') return log.offsets.logStartOffset;
  if (offset === 'latest') {
    return isolation === 'read_committed' ? produced.lastStableOffset : log.offsets.highWatermark;
  }
  return typeof offset === 'number' ? offset : log.offsetForTimestamp(offset.timestampMs, zlibCodec.inflate);
}
