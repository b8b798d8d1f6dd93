/** The dead letter of a record that a subscription has given up. */

import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { topicDeathRecord } from '../queue/dead-letters/dead-letter-record.ts';
import type { FailedAttempts } from './partition-progress.ts';
import type { PushFailure } from './push-verdict.ts';

export interface PushedRecord {
  subscription: string;
  topic: string;
  partition: number;
}

/**
 * Returns it whatever the hops of the record are: it goes to a queue, and no subscription forwards it from there if it was handed on
 * too often.
 */
export function pushDeadLetter(
  record: LogRecord,
  { subscription, topic, partition }: PushedRecord,
  { attempts, firstMs }: FailedAttempts,
  { error }: PushFailure,
  nowMs: number,
): LogRecord {
  return topicDeathRecord(record, 'delivery_limit', { by: subscription, topic, partition }, nowMs, {
    attempts: { deliveries: attempts, failures: attempts, firstMs, lastMs: nowMs },
    error,
    consumerId: `subscription:${subscription}`,
  });
}
