/** Packing of messages into a batch of a lane. */

import { isPlain, readMetadata } from '../../../core/queue/state/message-metadata.ts';
import {
  encodeBatch,
  orThrow,
  readBatchHeader,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import type { AppendBatch } from '../../storage/segment-log.ts';

/** A batch on its way into a lane. */
export interface LaneBatch extends AppendBatch {
  isPlain: boolean;
}

/** The records as one batch. */
export function packed(records: readonly LogRecord[]): LaneBatch {
  const bytes = encodeBatch(records);
  const { sizeInBytes, lastOffsetDelta, maxTimestamp } = orThrow(readBatchHeader(bytes, 0));
  const plain = records.every((record) => isPlain(readMetadata(record)));
  return { bytes, at: 0, sizeInBytes, lastOffsetDelta, maxTimestamp, isPlain: plain };
}
