/** The dead letter of a record that a share group has archived. */

import { BROKER_HOPS_MAX, ORDERING_KEY_BYTES_MAX } from '../../protocol/limits.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { hopsOf } from '../queue/dead-letters/death-headers.ts';
import { topicDeathRecord } from '../queue/dead-letters/dead-letter-record.ts';
import type { Archived } from './share-window.ts';

export interface RecordOrigin {
  group: string;
  topic: string;
  partition: number;
}

/** Null if the broker has handed the record on so often that it must be going round in circles. */
export function shareDeadLetter(
  record: LogRecord,
  { reason, deliveries }: Archived,
  { group, topic, partition }: RecordOrigin,
  nowMs: number,
): LogRecord | null {
  if (hopsOf(record) >= BROKER_HOPS_MAX) return null;
  const attempts = { deliveries, failures: deliveries, firstMs: 0, lastMs: nowMs };
  return topicDeathRecord(record, reason, { by: group, topic, partition }, nowMs, { attempts });
}

/** As a queue takes it: a key is an ordering key there, and may not be as long. One that is longer goes into a header. */
export function forQueue(record: LogRecord): LogRecord {
  if (record.key === null || record.key.length <= ORDERING_KEY_BYTES_MAX) return record;
  const headers = [...record.headers, { key: 'dead-letter-key', value: record.key }];
  return { ...record, key: null, headers };
}
