/** A publish request: a batch out, what became of its messages back. */

import type { QueuePublished } from '../../protocol/deliveries.ts';
import type { ExchangeBatchesPublished, PublishedMessage } from '../../protocol/exchanges.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/media-types.ts';
import { jsonOf, type Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { exchangePath, queuePath } from '../names.ts';
import type { Confirmation, MessageBatch, Outcomes } from './message-batch.ts';

export type Destination = { queue: string } | { exchange: string; mandatory: boolean };

/** One attempt. @returns one for each message, in order */
export async function publishBatch(
  transport: Transport,
  destination: Destination,
  batch: MessageBatch,
  signal: AbortSignal,
): Promise<Outcomes> {
  const isQueue = 'queue' in destination;
  const base = isQueue ? queuePath(destination.queue) : exchangePath(destination.exchange);
  const reply = await transport.call({
    method: 'POST',
    path: `${base}/messages`,
    query: { mandatory: !isQueue && destination.mandatory ? 'true' : undefined },
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: batch.bytes(),
    signal,
  });
  if (isQueue) return queueOutcomes(batch, jsonOf<QueuePublished>(reply));
  return exchangeOutcomes(batch, destination.exchange, jsonOf<ExchangeBatchesPublished>(reply));
}

function queueOutcomes({ messages }: MessageBatch, { results }: QueuePublished): Outcomes {
  if (results?.length !== messages.length) throw unexpected(messages.length);
  return messages.map(({ messageId }, index) => {
    const { outcome } = results[index]!;
    return outcome === 'rejected' ? null : { outcome, messageId };
  });
}

function exchangeOutcomes(
  { messages }: MessageBatch,
  exchange: string,
  { count, unroutable }: ExchangeBatchesPublished,
): Outcomes {
  if (count !== messages.length) throw unexpected(messages.length);
  const outcomes: Outcomes = messages.map(stored);
  for (const index of unroutable) {
    outcomes[index] = new PosthornError('unroutable', `no binding of exchange "${exchange}" takes it`);
  }
  return outcomes;
}

/** What a publish that failed did all the same: messages that every destination has stored are done. */
export function storedDespite({ messages }: MessageBatch, error: PosthornError): Outcomes | null {
  const told = error.details['messages'] as PublishedMessage[] | undefined;
  if (!Array.isArray(told) || told.length !== messages.length) return null;
  return messages.map((message, index) => (told[index]!.failed ? null : stored(message)));
}

const stored = ({ messageId }: { messageId: string | undefined }): Confirmation => ({
  outcome: 'stored',
  messageId,
});

const unexpected = (count: number): PosthornError =>
  new PosthornError('unexpected_reply', `the reply does not tell of ${count} messages`);
