/**
 * The dead letter of a record that a share group has archived: a copy, with the headers that dead letters of queues have, and
 * where the record lies. Of the broker's own headers only the count of hops is taken over: producers of a topic may set any.
 */

import { HOPS_HEADER, RESERVED_PREFIX, textHeader } from '../../protocol/schemas/messages.ts';
import { BROKER_HOPS_MAX, ORDERING_KEY_BYTES_MAX } from '../../protocol/limits.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { hopsOf } from '../queue/dead-letters/death-headers.ts';
import { deathRecord } from '../queue/dead-letters/dead-letter-record.ts';
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
  const letter = letterOf(record, { topic, partition });
  if (letter === null) return null;
  const attempts = { deliveries, failures: deliveries, firstMs: 0, lastMs: nowMs };
  return deathRecord(letter, reason, group, nowMs, { attempts });
}

/**
 * A record of a topic with the headers that say where it lies. Null if the broker has handed it on so often that it must be going
 * round in circles.
 */
export function letterOf(
  record: LogRecord,
  { topic, partition }: Pick<RecordOrigin, 'topic' | 'partition'>,
): LogRecord | null {
  const hops = hopsOf(record);
  if (hops >= BROKER_HOPS_MAX) return null;
  const headers = record.headers.filter(({ key }) => !key.startsWith(RESERVED_PREFIX));
  headers.push(
    textHeader('dead-letter-topic', topic),
    textHeader('dead-letter-partition', String(partition)),
    textHeader('dead-letter-offset', String(record.offset)),
    textHeader(HOPS_HEADER, String(hops)),
  );
  return { ...record, headers };
}

/** As a queue takes it: a key is an ordering key there, and may not be as long. One that is longer goes into a header. */
export function forQueue(record: LogRecord): LogRecord {
  if (record.key === null || record.key.length <= ORDERING_KEY_BYTES_MAX) return record;
  const headers = [...record.headers, { key: 'dead-letter-key', value: record.key }];
  return { ...record, key: null, headers };
}
