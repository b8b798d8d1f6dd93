/**
 * Dead letters of a group: a record whose last retry failed goes to a topic or queue, unchanged, with headers that say
 * why.
 */

import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import { cutText } from '../../../protocol/cut-text.ts';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  ERROR_STACK_LENGTH_MAX,
  ERROR_TYPE_LENGTH_MAX,
  ORDERING_KEY_BYTES_MAX,
} from '../../../protocol/limits.ts';
import { RESERVED_PREFIX } from '../../../protocol/headers/message-headers.ts';
import type { RecordHeader } from '../../../protocol/record-batch/index.ts';
import { CLAIMED_BODY, claimTextOf } from '../../claims/claim.ts';
import { textOf } from '../../consumer/settlement-entries.ts';
import type { Producer } from '../../producer/producer.ts';
import type { Publisher } from '../../publisher/publisher.ts';
import { recordHeaders } from '../../values/record-input.ts';
import { PosthornError } from '../../errors.ts';
import type { Queues } from '../../admin/queues.ts';
import type { GroupRecord } from '../group-record.ts';
import type { GroupConsumerConfig } from '../options.ts';

export interface DeadLetterSinks {
  producer(): Producer;
  publisher(): Publisher;
}

type Bury = (records: readonly GroupRecord[], error: unknown, attempts: number) => Promise<void>;

/** Returns how the consumer dead-letters records; null if it has to end instead. */
export function buryWith(
  { group, delivery, deadLetter }: GroupConsumerConfig,
  sinks: DeadLetterSinks,
  queues: Queues,
  signal: AbortSignal,
): Bury | null {
  if (delivery !== 'at-least-once' || deadLetter === 'none') return null;
  if (deadLetter !== undefined) return (...what) => buryRecords(deadLetter, sinks, ...what);
  const queue = defaultDeadLetterQueue(group);
  return async (...what) => {
    try {
      await buryRecords({ queue }, sinks, ...what);
    } catch (error) {
      if (!(error instanceof PosthornError) || error.code !== 'queue_not_found') throw error;
      await queues.declare(queue, { deadLetter: 'none' }, { signal });
      await buryRecords({ queue }, sinks, ...what);
    }
  };
}

/** Resolves when all are stored. What was stored of them when it fails is stored once more when they are read again. */
async function buryRecords(
  to: { topic: string } | { queue: string },
  sinks: DeadLetterSinks,
  records: readonly GroupRecord[],
  error: unknown,
  attempts: number,
): Promise<void> {
  const sends = records.map((record) => {
    const headers = [...record.headers, ...reasons(record, error, attempts)];
    const { key, headers: own } = record;
    const claim = claimTextOf(own);
    const value = claim === undefined ? record.value : CLAIMED_BODY; // its body stays where it is
    if ('topic' in to) return sinks.producer().send(to.topic, { key, value: value as never, headers });
    return sinks.publisher().sendToQueue(to.queue, {
      body: value as never,
      // Names of the broker's own are refused in a message.
      headers: headers.filter((header) => !header.key.startsWith(RESERVED_PREFIX)),
      properties: { claim, orderingKey: key && key.length <= ORDERING_KEY_BYTES_MAX ? key : undefined },
    });
  });
  await Promise.all(sends);
}

function reasons(record: GroupRecord, error: unknown, attempts: number): readonly RecordHeader[] {
  const { name, message, stack } =
    error instanceof Error ? error : { name: typeof error, message: textOf(error), stack: '' };
  const { topic, partition, offset, timestamp } = record;
  const fields = {
    'error-type': cutText(name, ERROR_TYPE_LENGTH_MAX),
    'error-message': cutText(message, ERROR_MESSAGE_LENGTH_MAX),
    'error-stack': cutText(stack ?? '', ERROR_STACK_LENGTH_MAX),
    group: record.owner.group,
    topic,
    partition,
    offset,
    timestamp,
    attempts,
  };
  return recordHeaders(
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [`dead-letter-${name}`, String(value)])),
  );
}
