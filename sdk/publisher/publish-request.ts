/** Publish request: sends a batch and returns what became of its messages. */

import type { QueueBatchesPublished } from '../../protocol/schemas/deliveries.ts';
import type {
  ExchangeBatchesPublished,
  PublishedMessage,
  Stored,
  StoredRuns,
} from '../../protocol/schemas/exchanges.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { Channel, ChannelCall } from '../client/channel.ts';
import { PosthornError } from '../errors.ts';
import { exchangePath, queuePath } from '../client/names.ts';
import type { Confirmation, MessageBatch, MessageDestination, Outcomes } from './message-batch.ts';

export type Destination = { queue: string } | { exchange: string };

export interface PublishSettings {
  /** Asks where each message went. */
  destinations: boolean;
  gzip: boolean;
  whenFull: 'retry' | 'refuse';
}

/** The path of the publishes to a destination. */
export function publishPath(destination: Destination): string {
  const base = 'queue' in destination ? queuePath(destination.queue) : exchangePath(destination.exchange);
  return `${base}/messages`;
}

/** One attempt. @returns one for each message, in order */
export async function publishBatch(
  channel: Channel,
  destination: Destination,
  batch: MessageBatch,
  settings: PublishSettings,
  signal: AbortSignal,
): Promise<Outcomes> {
  const isQueue = 'queue' in destination;
  const call: ChannelCall = {
    query: {
      mandatory: batch.messages.some(({ isMandatory }) => isMandatory) ? 'true' : undefined,
      destinations: !isQueue && settings.destinations ? 'true' : undefined,
    },
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: settings.gzip ? await batch.gzipped() : batch.bytes(),
    signal,
  };
  const reply = await channel.json<object>(call, () => batch.failures++);
  if (isQueue) {
    const reported = settings.destinations ? { destinations: [{ queue: destination.queue }] } : undefined;
    return queueOutcomes(batch, reply as QueueBatchesPublished, reported, settings);
  }
  return exchangeOutcomes(batch, destination.exchange, reply as ExchangeBatchesPublished);
}

function queueOutcomes(
  { messages }: MessageBatch,
  { count, exceptions }: QueueBatchesPublished,
  reported: { destinations: MessageDestination[] } | undefined,
  { whenFull }: PublishSettings,
): Outcomes {
  if (count !== messages.length) throw unexpected(messages.length);
  const outcomes: Outcomes = messages.map((message) => stored(message, reported));
  for (const { index, outcome } of exceptions) {
    const refused = whenFull === 'refuse' ? queueFull() : null;
    outcomes[index] = outcome === 'rejected' ? refused : { ...stored(messages[index]!, reported), outcome };
  }
  return outcomes;
}

function exchangeOutcomes(
  { messages }: MessageBatch,
  exchange: string,
  { count, unroutable, destinations }: ExchangeBatchesPublished,
): Outcomes {
  if (count !== messages.length) throw unexpected(messages.length);
  const confirmations = messages.map((message) => stored(message));
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
    if (failed) return isRefused(failed, settings) ? queueFull() : null;
    if (unroutable && message.isMandatory) return unroutableThrough(destination.exchange);
    const places = settings.destinations ? { destinations: destinations.map(placeOf) } : {};
    return { ...stored(message), ...places };
  });
}

function placeOf({ kind, name, partition = 0, offset = 0 }: Stored): MessageDestination {
  if (kind === 'topic') return { topic: name, partition, offset };
  return kind === 'reply' ? { reply: name } : { queue: name };
}

/** Every destination that has not stored it is full. */
const isRefused = (failed: NonNullable<PublishedMessage['failed']>, { whenFull }: PublishSettings): boolean =>
  whenFull === 'refuse' && failed.every(({ code }) => code === 'queue_full');

const queueFull = (): PosthornError =>
  new PosthornError('queue_full', 'the queue is full and refuses messages');

const unroutableThrough = (exchange: string): PosthornError =>
  new PosthornError('unroutable', `no binding of exchange "${exchange}" takes it`);

const stored = (
  { messageId }: { messageId: string | undefined },
  reported?: { destinations: MessageDestination[] },
): Confirmation =>
  reported === undefined ? { outcome: 'stored', messageId } : { outcome: 'stored', messageId, ...reported };

const unexpected = (count: number): PosthornError =>
  new PosthornError('unexpected_reply', `the reply does not tell of ${count} messages`);
