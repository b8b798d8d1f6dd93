/** A produce request: batches out, where they were stored back. */

import { RECORD_BATCH_TYPE } from '../../protocol/media-types.ts';
import type { ProduceBatchesReply } from '../../protocol/records.ts';
import { jsonOf, type Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { topicPath } from '../topics.ts';
import type { Batch } from './batch.ts';
import type { ProducerConfig } from './options.ts';

export interface Stored {
  /** -1 where nothing was promised. */
  baseOffset: number;
  /** The timestamp of all its records, where the topic stamps them. */
  appendTime: number | null;
}

/** One attempt. @returns one for each batch, in order */
export async function produce(
  transport: Transport,
  topic: string,
  batches: readonly Batch[],
  { compression, acks }: ProducerConfig,
  signal: AbortSignal,
  transactionalId: string | undefined,
): Promise<Stored[]> {
  const encoded =
    compression === 'gzip'
      ? await Promise.all(batches.map((batch) => batch.gzip()))
      : batches.map((batch) => batch.plain());
  const reply = await transport.call({
    method: 'POST',
    path: `${topicPath(topic)}/records`,
    query: {
      partitions: batches.map(({ partition }) => partition).join(','),
      acks: acks === 'none' ? acks : undefined,
      transactional_id: transactionalId,
    },
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: joined(encoded),
    signal,
  });
  if (acks === 'none') return batches.map(() => ({ baseOffset: -1, appendTime: null }));
  const { batches: stored } = jsonOf<ProduceBatchesReply>(reply);
  if (stored?.length !== batches.length) {
    throw new PosthornError('unexpected_reply', `the reply does not tell of ${batches.length} batches`);
  }
  return stored.map(({ base_offset, append_time }) => ({ baseOffset: base_offset, appendTime: append_time }));
}

/** What a request that failed stored all the same: the base offset by partition. */
export function storedDespite(error: PosthornError): Map<number, number> {
  const stored = error.details['stored'];
  if (!Array.isArray(stored)) return new Map();
  return new Map(
    (stored as ProduceBatchesReply['batches']).map((batch) => [batch.partition, batch.base_offset]),
  );
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
