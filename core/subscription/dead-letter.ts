/**
 * The dead letter of a record that a subscription has given up: a copy, with the headers that dead letters of queues have, and
 * where the record lies.
 */

import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { deathRecord } from '../queue/dead-letters/dead-letter-record.ts';
import { letterOf } from '../share/dead-letter.ts';
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
  const letter = letterOf(record, { topic, partition });
  if (letter === null) return null;
  return deathRecord(letter, 'delivery_limit', subscription, nowMs, {
    attempts: { deliveries: attempts, failures: attempts, firstMs, lastMs: nowMs },
    error,
    consumerId: `subscription:${subscription}`,
  });
}
