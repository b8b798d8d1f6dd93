/**
 * The dead letter of a record that a subscription has given up: a copy, with the headers that dead letters of queues have, and
 * where the record lies.
 */

import { BROKER_HOPS_MAX } from '../../protocol/limits.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { HOPS_HEADER, RESERVED_PREFIX, textHeader } from '../../protocol/schemas/messages.ts';
import { deathRecord } from '../queue/dead-letters/dead-letter-record.ts';
import { hopsOf } from '../queue/dead-letters/death-headers.ts';
import type { FailedAttempts } from './partition-progress.ts';
import type { PushFailure } from './push-verdict.ts';

export interface PushedRecord {
  subscription: string;
  topic: string;
  partition: number;
}

/** Null if the broker has handed the record on so often that it must be going round in circles. */
export function pushDeadLetter(
  record: LogRecord,
  { subscription, topic, partition }: PushedRecord,
  { attempts, firstMs }: FailedAttempts,
  { error }: PushFailure,
  nowMs: number,
): LogRecord | null {
  const hops = hopsOf(record);
  if (hops >= BROKER_HOPS_MAX) return null;
  // Producers of a topic may set any header: of the broker's own only the hops are taken over.
  const headers = record.headers.filter(({ key }) => !key.startsWith(RESERVED_PREFIX));
  headers.push(
    textHeader('dead-letter-topic', topic),
    textHeader('dead-letter-partition', String(partition)),
    textHeader('dead-letter-offset', String(record.offset)),
    textHeader(HOPS_HEADER, String(hops)),
  );
  return deathRecord({ ...record, headers }, 'delivery_limit', subscription, nowMs, {
    attempts: { deliveries: attempts, failures: attempts, firstMs, lastMs: nowMs },
    error,
    consumerId: `subscription:${subscription}`,
  });
}
