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
import type { BodyOptions } from '../claims/open-body.ts';
import { checkRange, levelFields, type ClientConfig } from '../client/options.ts';
import { invalidArgument } from '../errors.ts';
import type { IdempotencyStore, OnceOptions } from '../idempotency/once.ts';
import type { ReceivedMessage } from './received-message.ts';

/** The shortest lease that can be extended in time, in ms. */
const LEASE_MS_MIN = 500;

export interface ConsumerOptions extends BodyOptions {
  /**
   * The delivery level. `at-least-once` (default): a message is leased to this consumer until it is settled, and is
   * delivered again otherwise. `at-most-once`: the queue settles it on delivery and never delivers it again. If the
   * process dies, up to `prefetch` messages are lost, and a handler that throws is only reported to `onError`. Such a
   * consumer polls. `exactly-once` needs a store: see `ExactlyOnceConsumerOptions`.
   */
  delivery?: 'at-most-once' | 'at-least-once' | undefined;
  /**
   * Messages that the consumer may hold, in handlers or waiting for one. Default 1,000, at most 10,000. If handling
   * takes long, a smaller value leaves more to other consumers.
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
   * The lease of a message, in ms, at least 500. The consumer extends it while it holds the message, so this decides
   * how soon another consumer gets the messages of a lost one. Default: the queue's.
   */
  leaseMs?: number | undefined;
  /**
   * `stream`: the queue pushes messages on a WebSocket, which also carries settlements. `poll`: requests wait for
   * messages. Default `stream`, which delivers at once and is about as fast in bulk; `poll` for a client with its own
   * `fetch` and no `webSocket`. If a stream cannot be opened, the consumer polls. If a stream breaks, the consumer
   * opens it again, but its messages have gone back to the queue. With polls they stay until their lease ends.
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
  /**
   * A stream: of the consumers that have room, those of the highest priority get messages first. An integer. Default 0.
   */
  priority?: number;
  /**
   * How long an acknowledgement waits for others to share its request, in ms. Default 0: it goes at the end of the turn of the
   * event loop if none is under way, and otherwise with the next answer, 5 ms later at most. Other settlements always do.
   */
  settleLingerMs?: number;
  /** Settlements in one request at most. Default 1,000, at most 10,000. */
  settleBatch?: number;
  /** The consumer id that the broker sees. Default: random. */
  consumerId?: string;
  /** Called each time that a stream is open: from then on the queue knows of the consumer. Polls do not call it. */
  onOpen?: (() => void) | undefined;
  /**
   * Called for handlers that threw (with the message), for refused settlements (with the message), and for failed
   * requests that will be repeated.
   */
  onError?: ((error: unknown, message: ReceivedMessage | null) => void) | undefined;
  /**
   * Ends the consumer at once. It does not wait for handlers; their messages go to another consumer when the leases
   * end.
   */
  signal?: AbortSignal | undefined;
}

/** Options of a consumer whose handler runs once for each message, as far as its store can tell. */
export interface ExactlyOnceConsumerOptions extends Omit<ConsumerOptions, 'delivery' | 'settle'> {
  /**
   * Messages come as with `at-least-once`, and the handler runs within `once`. It does not run for a message that the
   * store knows as handled, or while another consumer handles it. With a `sqliteTransactionStore` this survives every
   * crash. With other stores, a run that crashes before its end is noted begins anew.
   */
  delivery: 'exactly-once';
  /** The store of handled messages, by `<queue>/<message id>`. */
  handled: IdempotencyStore;
  /** As for `once`: how long a run may take, and how long a message is remembered. */
  once?:
    | (OnceOptions & {
        /**
         * Returns the id of a message. Default: its `messageId`, which publishers set on messages through an exchange,
         * and on all others with `messageIds: true`. A message without an id is rejected: it becomes a dead letter with
         * the error.
         */
        idOf?: (message: ReceivedMessage) => string | null | undefined;
      })
    | undefined;
}

export interface ConsumerConfig extends Required<
  Omit<ConsumerOptions, 'signal' | 'leaseMs' | 'onError' | 'onOpen' | 'delivery'>
> {
  /** Messages are settled already when they come. */
  isAutoAck: boolean;
  leaseMs: number | undefined;
  onOpen?: (() => void) | undefined;
  onError: (error: unknown, message: ReceivedMessage | null) => void;
  signal: AbortSignal | undefined;
}

/** Of consumers: 32 bits. */
const PRIORITY_MAX = 2_147_483_647;

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
  bodies: 'load' as const,
  prefetch: 1_000,
  concurrency: 10,
  settle: 'auto' as const,
  waitMs: 30_000,
  heartbeatMs: 8_000,
  settleLingerMs: 0,
  settleBatch: 1_000,
  leaseMs: undefined,
  priority: 0,
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
  checkRange('priority', config.priority, -PRIORITY_MAX, PRIORITY_MAX);
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
