/** A record whose last retry failed, on its way to a topic or queue: as it was, with headers that say why. */

import { cutText } from '../../protocol/cut-text.ts';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  ERROR_STACK_LENGTH_MAX,
  ERROR_TYPE_LENGTH_MAX,
  ORDERING_KEY_BYTES_MAX,
} from '../../protocol/limits.ts';
import { RESERVED_PREFIX } from '../../protocol/message-headers.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { textOf } from '../consumer/settlement.ts';
import type { Producer } from '../producer/producer.ts';
import type { Publisher } from '../publisher/publisher.ts';
import { recordHeaders } from '../record-input.ts';
import type { GroupRecord } from './group-record.ts';

export interface DeadLetterSinks {
  producer(): Producer;
  publisher(): Publisher;
}

/** Resolves when all are stored. What was stored of them when it fails is stored once more when they are read again. */
export async function buryRecords(
  to: { topic: string } | { queue: string },
  sinks: DeadLetterSinks,
  records: readonly GroupRecord[],
  error: unknown,
  attempts: number,
): Promise<void> {
  const sends = records.map((record) => {
    const headers = [...record.headers, ...reasons(record, error, attempts)];
    const { key, value } = record;
    if ('topic' in to) return sinks.producer().send(to.topic, { key, value: value as never, headers });
    return sinks.publisher().sendToQueue(to.queue, {
      body: value as never,
      // Names of the broker's own are refused in a message.
      headers: headers.filter((header) => !header.key.startsWith(RESERVED_PREFIX)),
      properties: { orderingKey: key && key.length <= ORDERING_KEY_BYTES_MAX ? key : undefined },
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
