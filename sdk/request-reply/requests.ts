/** Request-reply: asking and answering. */

import type { JsonValue } from '../../protocol/json/json-text.ts';
import { WAIT_MS_MAX } from '../../protocol/limits.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { RequestReply } from '../../protocol/schemas/requests.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import { checkRange } from '../client/options.ts';
import { jsonOf, type HttpReply, type Transport } from '../client/transport.ts';
import { Consumer } from '../consumer/consumer.ts';
import type { ConsumerOptions } from '../consumer/options.ts';
import type { ReceivedMessage } from '../consumer/received-message.ts';
import { textOf } from '../consumer/settlement-entries.ts';
import { asPosthornError, invalidArgument, PosthornError } from '../errors.ts';
import { sendTraced } from '../tracing/send-traced.ts';
import type { OutgoingMessage } from '../values/message-input.ts';
import { exchangePath } from '../client/names.ts';
import { PeekedMessage } from '../values/peeked-message.ts';
import { PendingMessage } from '../publisher/message-batch.ts';
import { Publisher } from '../publisher/publisher.ts';
import type { Queues } from '../admin/queues.ts';

/** The target of a request: a queue, or an exchange with a routing key. */
export type RequestDestination = { queue: string } | { exchange: string; routingKey?: string | undefined };

export interface RequestOptions {
  /** How long to wait for the reply, in ms. Default 30,000, at most 300,000. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What a handler returns is the body of the reply. */
export type ResponseHandler = (message: ReceivedMessage) => unknown;

export interface ResponderOptions extends Omit<ConsumerOptions, 'settle'> {
  /**
   * What happens to a request whose handler throws. `reply` (default): the caller gets `request_failed`. `nack`: the
   * queue tries it again by its retry schedule, while the caller waits.
   */
  onThrow?: 'reply' | 'nack' | undefined;
}

/** The header of a reply that reports a failure: the name of the error. */
const ERROR_HEADER = 'posthorn-error';

const TIMEOUT_MS_DEFAULT = 30_000;

/** The SDK does not repeat a request, because a request without a reply may have been served. */
export async function request(
  transport: Transport,
  destination: RequestDestination,
  message: OutgoingMessage,
  { timeoutMs = TIMEOUT_MS_DEFAULT, signal }: RequestOptions,
): Promise<PeekedMessage> {
  checkRange('timeoutMs', timeoutMs, 1, WAIT_MS_MAX);
  if (message.properties?.replyTo !== undefined) throw invalidArgument('replyTo: a request sets it');
  const isQueue = 'queue' in destination;
  const routingKey = isQueue ? destination.queue : (destination.routingKey ?? '');
  const sink = { stored: () => {}, failed: () => {} };
  const send = async (traced: OutgoingMessage): Promise<HttpReply> =>
    await transport.call({
      method: 'POST',
      path: `${exchangePath(isQueue ? '' : destination.exchange)}/requests`,
      query: { wait_ms: timeoutMs },
      headers: { 'content-type': RECORD_BATCH_TYPE },
      body: encodeBatch([new PendingMessage(traced, routingKey, sink)]),
      signal,
      timeoutMs: transport.config.timeoutMs + timeoutMs,
    });
  const to = { name: isQueue ? destination.queue : destination.exchange || routingKey, routingKey };
  const reply = await sendTraced(transport.config.tracing, to, message, send);
  const answer = PeekedMessage.of(jsonOf<RequestReply>(reply).reply);
  const type = answer.headers[ERROR_HEADER];
  if (type === undefined) return answer;
  const why = textOf((answer.body as { message?: unknown } | null)?.message);
  throw new PosthornError('request_failed', `the responder failed: ${textOf(type)}: ${why}`, {
    details: { type, message: why },
  });
}

export function respond(
  transport: Transport,
  queues: Queues,
  queue: string,
  handler: ResponseHandler,
  { onThrow = 'reply', ...options }: ResponderOptions,
): Consumer {
  if (onThrow !== 'reply' && onThrow !== 'nack') throw invalidArgument('onThrow is "reply" or "nack"');
  const publisher = new Publisher(transport, queues, { lingerMs: 0, messageIds: false });
  const answer = async (message: ReceivedMessage): Promise<void> => {
    const { replyTo: routingKey, correlationId } = message.properties;
    let reply: Pick<OutgoingMessage, 'body' | 'headers'>;
    try {
      reply = { body: ((await handler(message)) ?? null) as JsonValue };
    } catch (error) {
      if (onThrow === 'nack' || routingKey === undefined) throw error;
      options.onError?.(error, message);
      reply = failureReply(error);
    }
    if (message.isSettled || routingKey === undefined) return;
    try {
      const properties = { correlationId };
      await publisher.publish('', { ...reply, properties, routingKey, mandatory: true });
    } catch (cause) {
      const error = asPosthornError(cause);
      // No caller waits any more, or the result cannot be sent. Repeating the request would not help.
      if (error.retryable) throw error;
      options.onError?.(error, message);
    }
  };
  return new Consumer(transport, queues, queue, answer, options);
}

function failureReply(thrown: unknown): Pick<OutgoingMessage, 'body' | 'headers'> {
  const isError = thrown instanceof Error;
  const message = isError ? thrown.message : textOf(thrown);
  return { body: { message }, headers: { [ERROR_HEADER]: isError ? thrown.name : 'Error' } };
}
