/** Record check of a topic: which records its configuration refuses, whatever is in its partitions. */

import { failure, type Failure } from '../../protocol/errors.ts';
import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { BATCH_OVERHEAD, recordSizeUpperBound, type RecordInput } from '../../protocol/record-batch/index.ts';
import { isCompacted, type TopicDefinition } from './topics.ts';

/** Returns why the topic refuses the record; null if it takes it. */
export function checkTopicRecord(topic: TopicDefinition, record: RecordInput): Failure | null {
  if (record.key === null && isCompacted(topic.config)) return keyRequired(topic);
  const bytesMax = Math.min(RECORD_BYTES_MAX, topic.config.max_batch_bytes - BATCH_OVERHEAD);
  const bytes = recordSizeUpperBound(record);
  if (bytes <= bytesMax) return null;
  return failure('record_too_large', `it has about ${bytes} bytes; topic "${topic.name}" takes ${bytesMax}`, {
    bytes_max: bytesMax,
  });
}

export function keyRequired({ name }: Pick<TopicDefinition, 'name'>): Failure {
  return failure(
    'key_required',
    `topic "${name}" is compacted: a record without a key could never be removed`,
  );
}
