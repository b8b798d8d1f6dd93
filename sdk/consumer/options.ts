/** The options of a consumer. */

import {
  DELIVER_MESSAGES_MAX,
  HEARTBEAT_MS_MAX,
  HEARTBEAT_MS_MIN,
  LEASE_MS_MAX,
  PROPERTY_LENGTH_MAX,
  SETTLE_TAGS_MAX,
  WAIT_MS_MAX,
} from '../../protocol/limits.ts';
import { checkRange, levelFields, type ClientConfig } from '../client/options.ts';
import { invalidArgument } from '../errors.ts';
import type { IdempotencyStore, OnceOptions } from '../idempotency/once.ts';
import type { ReceivedMessage } from './received-message.ts';

/** The shortest lease that can be extended in time, in ms. */
const LEASE_MS_MIN = 500;

export interface ConsumerOptions {
  /**
   * The level by name. `at-least-once` (default): a message is this consumer's until it is settled, and comes again if
   * that does not happen. `at-most-once`: it is settled as it is handed out, and never comes again; what a process has when it
   * dies, up to `prefetch`, is lost, and a handler that throws is only told to `onError`. It polls, and has no leases.
   * `exactly-once` needs a store: see `ExactlyOnceConsumerOptions`.
   */
  delivery?: 'at-most-once' | 'at-least-once' | undefined;
  /**
   * Messages that the consumer may have: those being handled, and those that wait for a handler. Default 1,000, at most
   * 10,000. If handling takes long a smaller one leaves more to other consumers.
   */
  prefetch?: number;
  /**
   * How many messages are handled at once. Default 10. With 1 they are handled in the order of the queue; messages of
   * one ordering key are always handled one after another.
   */
  concurrency?: number;
  /**
   * `auto` (default): a message is acknowledged when its handler returns, and nacked when it throws, unless the handler
   * has settled it. `manual`: only the handler settles it, perhaps after it has returned.
   */
  settle?: 'auto' | 'manual';
  /**
   * For how long the broker gives a message to this consumer, in ms, from 500. It is extended while the consumer has the
   * message, so this says how soon another consumer gets what one had that was lost. Default: the queue's.
   */
  leaseMs?: number | undefined;
  /**
   * `stream`: messages are pushed on a WebSocket, on which settlements go too. `poll`: they come by requests that wait
   * for them. Default `stream`, which hands on messages at once and is about as fast in bulk; `poll` for a client with a `fetch` of its own and no
   * `webSocket`. A stream that cannot be opened gives way to polls. One that breaks is opened again, but what the consumer
   * had is then another's; with polls only its own lease takes it from a consumer.
   */
  transport?: 'stream' | 'poll';
  /** How long one request waits for messages, in ms. Default 30,000. Streams have none. */
  waitMs?: number;
  /**
   * How often a stream shows the broker that it is there, in ms, from 500. A broker that hears nothing for three times as long
   * gives what the consumer has to others. The consumer opens a stream anew on which it hears nothing for two and a half times as
   * long. Default 8,000: each notices within 30 s that the other is dead. A handler that blocks its thread for longer
   * loses its messages as with a lease that ends.
   */
  heartbeatMs?: number;
  /** How long a settlement waits for others to share its request, in ms. Default 5. */
  settleLingerMs?: number;
  /** Settlements in one request at most. Default 1,000, at most 10,000. */
  settleBatch?: number;
  /** Who it is to the broker. Default: a random one. */
  consumerId?: string;
  /**
   * Is told of handlers that threw (with the message), of settlements that were refused (with the message), and of
   * requests that failed and will be tried again.
   */
  onError?: ((error: unknown, message: ReceivedMessage | null) => void) | undefined;
  /** Ends the consumer at once: it does not wait for handlers, and what they have goes to another when its lease ends. */
  signal?: AbortSignal | undefined;
}

/** A consumer whose handler runs once for each message, as far as its store can tell. */
export interface ExactlyOnceConsumerOptions extends Omit<ConsumerOptions, 'delivery' | 'settle'> {
  /**
   * Messages come as with `at-least-once`. The handler runs within `once`: not for a message that the store knows to be
   * handled, and not while somebody else handles it. With a `sqliteTransactionStore` that holds whatever crashes; with other
   * stores a run that crashes before its end is noted begins anew.
   */
  delivery: 'exactly-once';
  /** Where it is kept which messages are handled: `<queue>/<message id>`. */
  handled: IdempotencyStore;
  /** As for `once`: how long a run may take, and how long a message is remembered. */
  once?:
    | (OnceOptions & {
        /**
         * What a message is known by. Default: its `messageId`, which publishers give to what goes through an exchange, and to
         * all else with `messageIds: true`. A message that has none is rejected: it is dead-lettered with the error.
         */
        idOf?: (message: ReceivedMessage) => string | null | undefined;
      })
    | undefined;
}

export interface ConsumerConfig extends Required<
  Omit<ConsumerOptions, 'signal' | 'leaseMs' | 'onError' | 'delivery'>
> {
  /** Messages are settled already when they come. */
  isAutoAck: boolean;
  leaseMs: number | undefined;
  onError: (error: unknown, message: ReceivedMessage | null) => void;
  signal: AbortSignal | undefined;
}

const NO_STORE = { handled: undefined, once: undefined };

/** What each level says of other options. */
const LEVELS: Record<
  'at-most-once' | 'at-least-once' | 'exactly-once',
  Partial<Omit<ConsumerConfig, 'isAutoAck'>> & { isAutoAck: boolean }
> = {
  'at-most-once': { ...NO_STORE, isAutoAck: true, settle: 'auto', transport: 'poll', leaseMs: undefined },
  'at-least-once': { ...NO_STORE, isAutoAck: false },
  'exactly-once': { isAutoAck: false, settle: 'auto' },
};

const DEFAULTS = {
  prefetch: 1_000,
  concurrency: 10,
  settle: 'auto' as const,
  waitMs: 30_000,
  heartbeatMs: 8_000,
  settleLingerMs: 5,
  settleBatch: 1_000,
  leaseMs: undefined,
  onError: () => {},
  signal: undefined,
};

export function consumerConfig(
  options: ConsumerOptions | ExactlyOnceConsumerOptions,
  client: ClientConfig,
): ConsumerConfig {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const config: ConsumerConfig = {
    consumerId: `sdk-${crypto.randomUUID()}`,
    transport: client.consumerTransport,
    ...DEFAULTS,
    ...given,
    ...levelFields(options, LEVELS)!,
  };
  if (options.delivery === 'exactly-once' && !options.handled) {
    throw invalidArgument('exactly-once needs handled');
  }
  checkRange('prefetch', config.prefetch, 1, DELIVER_MESSAGES_MAX);
  checkRange('concurrency', config.concurrency, 1, Infinity);
  checkRange('waitMs', config.waitMs, 1, WAIT_MS_MAX);
  checkRange('heartbeatMs', config.heartbeatMs, HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX);
  checkRange('settleLingerMs', config.settleLingerMs, 0, 60_000);
  checkRange('settleBatch', config.settleBatch, 1, SETTLE_TAGS_MAX);
  if (config.leaseMs !== undefined) checkRange('leaseMs', config.leaseMs, LEASE_MS_MIN, LEASE_MS_MAX);
  const { consumerId: id, settle, transport } = config;
  if (typeof id !== 'string' || id === '' || id.length > PROPERTY_LENGTH_MAX) {
    throw invalidArgument(`consumerId is text of 1 to ${PROPERTY_LENGTH_MAX} characters`);
  }
  if (settle !== 'auto' && settle !== 'manual') throw invalidArgument('settle is "auto" or "manual"');
  if (transport !== 'stream' && transport !== 'poll')
    throw invalidArgument('transport is "stream" or "poll"');
  return config;
}
