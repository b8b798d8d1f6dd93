/** Read of a partition: one request for its batches, as they are stored. */

import { concatenate } from '../../../protocol/bytes.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  RECORD_BATCH_TYPE,
  START_OFFSET_HEADER,
} from '../../../protocol/headers/media-types.ts';
import { isBatchFailure, splitBatches } from '../../../protocol/record-batch/index.ts';
import { partitionPath } from '../../../sdk/client/names.ts';
import type { Transport } from '../../../sdk/client/transport.ts';
import { skipBatch } from '../../../wire/kafka/skip-batch.ts';

export interface PartitionRead {
  topic: string;
  /** The topic that the offset belongs to; undefined: whatever topic has the name. */
  topicId: number | undefined;
  partition: number;
  /** An offset, or `@<ms>` for the first record at or after that time. */
  offset: number | string;
  isCommittedOnly: boolean;
  bytesMax: number;
  /** A wait ends also when the log ends behind it. */
  seenHighWatermark?: number | undefined;
  /** 0: answer at once. */
  waitMs: number;
}

export interface PartitionBatches {
  startOffset: number;
  /** Where to read on. */
  nextOffset: number;
  highWatermark: number;
  lastStableOffset: number;
  logStartOffset: number;
  /** Whole batches that end at `nextOffset`, if it is not the start. */
  records: Uint8Array;
}

export async function readPartition(
  transport: Transport,
  { topic, topicId, partition, offset, isCommittedOnly, bytesMax, seenHighWatermark, waitMs }: PartitionRead,
  signal: AbortSignal,
): Promise<PartitionBatches> {
  const { headers, bytes } = await transport.call({
    method: 'GET',
    path: `${partitionPath(topic, partition)}/records`,
    query: {
      offset,
      topic_id: topicId,
      max_bytes: bytesMax,
      wait_ms: waitMs === 0 ? undefined : waitMs,
      isolation: isCommittedOnly ? 'read_committed' : undefined,
      wait_for: isCommittedOnly && waitMs > 0 ? 'progress' : undefined,
      seen_high_watermark: seenHighWatermark,
    },
    headers: { accept: RECORD_BATCH_TYPE },
    signal,
    timeoutMs: transport.config.timeoutMs + waitMs,
  });
  const offsetIn = (name: string): number => Number(headers.get(name) ?? NaN);
  const startOffset = offsetIn(START_OFFSET_HEADER);
  const nextOffset = offsetIn(NEXT_OFFSET_HEADER);
  return {
    startOffset,
    nextOffset,
    highWatermark: offsetIn(HIGH_WATERMARK_HEADER),
    lastStableOffset: offsetIn(LAST_STABLE_OFFSET_HEADER),
    logStartOffset: offsetIn(LOG_START_OFFSET_HEADER),
    records: upTo(bytes, startOffset, nextOffset),
  };
}

/** The batches, with a skip batch behind them if they end before the offset where to read on. */
function upTo(bytes: Uint8Array, startOffset: number, nextOffset: number): Uint8Array {
  const batches = splitBatches(bytes);
  // Damaged on disk: clients find that by its CRC.
  if (isBatchFailure(batches)) return bytes;
  const last = batches.at(-1)?.header;
  const end = last === undefined ? startOffset : last.baseOffset + last.lastOffsetDelta + 1;
  return end < nextOffset ? concatenate([bytes, skipBatch(nextOffset)]) : bytes;
}
