/** Produce request: sends batches and returns where they were stored. */

import { concatenate } from '../../protocol/bytes.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { PartlyStored, ProduceBatchesReply } from '../../protocol/schemas/records.ts';
import type { Channel, ChannelCall } from '../client/channel.ts';
import { PosthornError, type PosthornErrorOptions } from '../errors.ts';
import { topicPath } from '../client/names.ts';
import type { Batch } from './batch.ts';
import type { ProducerConfig } from './options.ts';

export interface Stored {
  /** -1 if nothing was promised. */
  baseOffset: number;
  /** The timestamp of all its records, if the topic stamps them. */
  appendTime: number | null;
}

/** The path of produce requests to a topic. */
export const producePath = (topic: string): string => `${topicPath(topic)}/records`;

/** One attempt. @returns one for each batch, in order */
export async function produce(
  channel: Channel,
  batches: readonly Batch[],
  { compression, acks }: ProducerConfig,
  signal: AbortSignal,
  transactionalId: string | undefined,
): Promise<Stored[]> {
  const encoded =
    compression === 'gzip'
      ? await Promise.all(batches.map((batch) => batch.gzip()))
      : batches.map((batch) => batch.plain());
  const call: ChannelCall = {
    query: {
      partitions: batches.map(({ partition }) => partition).join(','),
      acks: acks === 'none' ? acks : undefined,
      transactional_id: transactionalId && encodeURIComponent(transactionalId),
    },
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: concatenate(encoded),
    signal,
  };
  const { batches: stored } = await channel.json<Partial<ProduceBatchesReply>>(call, () => {});
  if (acks === 'none') return batches.map(() => ({ baseOffset: -1, appendTime: null }));
  if (stored?.length !== batches.length) {
    throw new PosthornError('unexpected_reply', `the reply does not tell of ${batches.length} batches`);
  }
  return stored.map(({ base_offset, append_time }) => ({ baseOffset: base_offset, appendTime: append_time }));
}

/** Returns what each partition of a request did, if only some have stored their batch; null for any other failure. */
export function partsOf(
  error: PosthornError,
): { stored: Map<number, Stored>; failed: PosthornError[] } | null {
  if (error.code !== 'partly_stored') return null;
  const { stored, failed } = error.details as PartlyStored;
  return {
    stored: new Map(
      stored.map(({ partition, base_offset: baseOffset, append_time: appendTime }) => [
        partition,
        { baseOffset, appendTime },
      ]),
    ),
    failed: failed.map(({ code, retryable, detail, retry_after_s: pauseS, ...details }) => {
      const options: PosthornErrorOptions = { retryable, details, cause: error };
      if (typeof pauseS === 'number') options.retryAfterMs = pauseS * 1_000;
      return new PosthornError(code as ErrorCode, detail, options);
    }),
  };
}
