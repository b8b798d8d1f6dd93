/** Publish request: sends a batch and returns what became of its messages. */

import type { QueueBatchesPublished } from '../../protocol/schemas/deliveries.ts';
import type {
  ExchangeBatchesPublished,
  PublishedMessage,
  Stored,
  StoredRuns,
} from '../../protocol/schemas/exchanges.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/media-types.ts';
import { jsonOf, type Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { exchangePath, queuePath } from '../client/names.ts';
import type { Confirmation, MessageBatch, MessageDestination, Outcomes } from './message-batch.ts';

export type Destination = { queue: string } | { exchange: string };

export interface PublishSettings {
  /** Asks where each message went. */
  destinations: boolean;
  gzip: boolean;
}

/** One attempt. @returns one for each message, in order */
export async function publishBatch(
  transport: Transport,
  destination: Destination,
  batch: MessageBatch,
  settings: PublishSettings,
  signal: AbortSignal,
): Promise<Outcomes> {
  const isQueue = 'queue' in destination;
  const base = isQueue ? queuePath(destination.queue) : exchangePath(destination.exchange);
  const reply = await transport.call({
    method: 'POST',
    path: `${base}/messages`,
    query: {
      mandatory: batch.messages.some(({ isMandatory }) => isMandatory) ? 'true' : undefined,
      destinations: !isQueue && settings.destinations ? 'true' : undefined,
    },
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: settings.gzip ? await batch.gzipped() : batch.bytes(),
    signal,
  });
  if (isQueue) {
    const reported = settings.destinations ? { destinations: [{ queue: destination.queue }] } : {};
    return queueOutcomes(batch, jsonOf<QueueBatchesPublished>(reply), reported);
  }
  return exchangeOutcomes(batch, destination.exchange, jsonOf<ExchangeBatchesPublished>(reply));
}

function queueOutcomes(
  { messages }: MessageBatch,
  { count, exceptions }: QueueBatchesPublished,
  reported: { destinations?: MessageDestination[] },
): Outcomes {
  if (count !== messages.length) throw unexpected(messages.length);
  const outcomes: Outcomes = messages.map((message) => ({ ...stored(message), ...reported }));
  for (const { index, outcome } of exceptions) {
    outcomes[index] = outcome === 'rejected' ? null : { ...stored(messages[index]!), ...reported, outcome };
  }
  return outcomes;
}

function exchangeOutcomes(
  { messages }: MessageBatch,
  exchange: string,
  { count, unroutable, destinations }: ExchangeBatchesPublished,
): Outcomes {
  if (count !== messages.length) throw unexpected(messages.length);
  const confirmations = messages.map(stored);
  if (destinations) noteDestinations(confirmations, destinations);
  const outcomes: Outcomes = confirmations;
  // One mandatory message makes all of the request mandatory: of the others nobody asked to know.
  for (const index of unroutable) {
    if (messages[index]?.isMandatory) outcomes[index] = unroutableThrough(exchange);
  }
  return outcomes;
}

function noteDestinations(confirmations: Confirmation[], stored: readonly StoredRuns[]): void {
  for (const confirmation of confirmations) confirmation.destinations = [];
  for (const { kind, name, partition = 0, runs } of stored) {
    for (const [first = 0, count = 0, firstOffset = 0] of runs) {
      for (let nth = 0; nth < count; nth++) {
        const reported = placeOf({ kind, name, partition, offset: firstOffset + nth });
        confirmations[first + nth]?.destinations!.push(reported);
      }
    }
  }
}

/** What a publish that failed did all the same: messages that every destination has stored are done. */
export function storedDespite(
  { messages }: MessageBatch,
  error: PosthornError,
  destination: Destination,
  settings: PublishSettings,
): Outcomes | null {
  const told = error.details['messages'] as PublishedMessage[] | undefined;
  if (!Array.isArray(told) || told.length !== messages.length || !('exchange' in destination)) return null;
  return messages.map((message, index) => {
    const { failed, unroutable, destinations } = told[index]!;
    if (failed) return null;
    if (unroutable && message.isMandatory) return unroutableThrough(destination.exchange);
    const places = settings.destinations ? { destinations: destinations.map(placeOf) } : {};
    return { ...stored(message), ...places };
  });
}

function placeOf({ kind, name, partition = 0, offset = 0 }: Stored): MessageDestination {
  if (kind === 'topic') return { topic: name, partition, offset };
  return kind === 'reply' ? { reply: name } : { queue: name };
}

const unroutableThrough = (exchange: string): PosthornError =>
  new PosthornError('unroutable', `no binding of exchange "${exchange}" takes it`);

const stored = ({ messageId }: { messageId: string | undefined }): Confirmation => ({
  outcome: 'stored',
  messageId,
});

const unexpected = (count: number): PosthornError =>
  new PosthornError('unexpected_reply', `the reply does not tell of ${count} messages`);
