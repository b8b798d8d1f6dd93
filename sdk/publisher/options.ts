/** The options of a publisher. */

import { BATCH_BYTES_MAX, REQUEST_RECORDS_MAX } from '../../protocol/limits.ts';
import { CLAIM_DEFAULTS, type ClaimOptions } from '../claims/claim-check.ts';
import { checkConnection, checkRange, type Connection } from '../client/options.ts';
import { invalidArgument, type PosthornError } from '../errors.ts';
import type { Destination } from './publish-request.ts';
import type { BatchWait } from './wave.ts';

export interface PublisherOptions extends ClaimOptions {
  /**
   * How long a message waits for others to share its batch, in ms. Default 0: messages that are published in the same turn
   * of the event loop share one, which goes at once if none is under way to its destination. Under load batches fill while
   * earlier ones are under way, whatever this is.
   */
  lingerMs?: number;
  /**
   * What says how long a batch waits for those who were just confirmed. Default: it does not wait. For servers whose callers
   * publish again when they are confirmed, such as the AMQP gateway: their messages then share batches.
   */
  wave?: ((over: () => void, destination: Destination) => BatchWait) | undefined;
  /** A batch goes when it has this many messages. Default 5,000, at most 10,000. */
  batchMessages?: number;
  /** A batch goes when it reaches this size, in bytes. Default 512 KiB, at most 1 MiB. */
  batchBytes?: number;
  /**
   * Requests under way at once. Default 4. To each queue or exchange there is at most one, which is what keeps order when
   * requests are tried again.
   */
  maxInFlight?: number;
  /** Messages that may be published and not confirmed; above it `ready()` waits. Default 10,000. */
  maxUnconfirmed?: number;
  /**
   * The limit of messages in memory, in bytes, with 256 added for each message. Above it `ready()` waits. Default 32
   * MiB.
   */
  bufferBytes?: number;
  /**
   * How long a message is tried before it is given up with `timeout`, in ms. A queue that is full and refuses messages is
   * tried as long. Default 120,000.
   */
  deliveryTimeoutMs?: number;
  /**
   * Default true: a queue, and each destination of an exchange, stores a message once however often it has to be sent, in
   * order, for as long as this publisher lives. Costs one call when the publisher begins, and nothing for each message.
   */
  idempotent?: boolean;
  /** The level by name instead of `idempotent`: `at-least-once` is `idempotent: false`, `exactly-once` is the default. */
  delivery?: 'at-least-once' | 'exactly-once';
  /**
   * Whether messages without a `messageId` are given one. Default: those that go through an exchange are, and those that
   * go to a queue with a `dedupWindowMs`.
   */
  messageIds?: boolean | undefined;
  /**
   * Whether a confirmation says where the message is: its queues, and its places in topics. Default false: replies are
   * then shorter.
   */
  destinations?: boolean;
  /**
   * Whether batches are compressed on their way. Default false: it costs more time than it saves if the broker is near,
   * and is worth it for large texts over slow lines. The broker stores queues uncompressed all the same.
   */
  gzip?: boolean;
  /**
   * `socket`: messages go by a WebSocket that stays open, once they follow each other closely, and by requests
   * where none can be opened. `requests`: each batch is a request. Default `socket` on Node, unless the client has
   * a `fetch`, a `webSocket` or a function for `headers`; elsewhere `requests`.
   */
  connection?: Connection;
  /**
   * What happens to a message that a full queue refuses. `retry`: it is sent again until `deliveryTimeoutMs`. `refuse`: it fails
   * with `queue_full`. Default `retry`.
   */
  whenFull?: 'retry' | 'refuse';
  /**
   * Called when messages could not be stored and may be sent again, with the reason and where they go. If it returns true, they
   * are sent until they are stored: the time does not count for `deliveryTimeoutMs`. For example after `cost_ceiling`, which ends
   * with the hour. It must not throw.
   */
  onRetry?:
    | ((error: PosthornError, destination: { queue: string } | { exchange: string }) => boolean)
    | undefined;
  /** Gives up everything that is not confirmed yet, with `aborted`, and closes the publisher. */
  signal?: AbortSignal | undefined;
}

export interface PublisherConfig extends Required<
  Omit<PublisherOptions, 'signal' | 'messageIds' | 'delivery' | 'connection' | 'onRetry' | 'wave'>
> {
  connection: Connection | undefined;
  messageIds: boolean | undefined;
  onRetry?: PublisherOptions['onRetry'];
  wave?: PublisherOptions['wave'];
  signal: AbortSignal | undefined;
}

const KiB = 1024;

const DEFAULTS: PublisherConfig = {
  ...CLAIM_DEFAULTS,
  lingerMs: 0,
  batchMessages: 5_000,
  batchBytes: 512 * KiB,
  maxInFlight: 4,
  maxUnconfirmed: 10_000,
  bufferBytes: 32 * KiB * KiB,
  deliveryTimeoutMs: 120_000,
  idempotent: true,
  messageIds: undefined,
  destinations: false,
  gzip: false,
  whenFull: 'retry',
  connection: undefined,
  signal: undefined,
};

export function publisherConfig(options: PublisherOptions): PublisherConfig {
  const given: PublisherOptions = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const { delivery, ...fields } = given;
  const config: PublisherConfig = { ...DEFAULTS, ...fields };
  if (delivery !== undefined) config.idempotent = isIdempotent(delivery, fields.idempotent);
  checkConnection(config.connection);
  if (config.whenFull !== 'retry' && config.whenFull !== 'refuse') {
    throw invalidArgument(`whenFull is "retry" or "refuse", got ${String(config.whenFull)}`);
  }
  checkRange('claimCheckBytes', config.claimCheckBytes, 1, Infinity);
  checkRange('claimTtlMs', config.claimTtlMs, 0, Infinity);
  checkRange('lingerMs', config.lingerMs, 0, 60_000);
  checkRange('batchMessages', config.batchMessages, 1, REQUEST_RECORDS_MAX);
  checkRange('batchBytes', config.batchBytes, 1, BATCH_BYTES_MAX);
  checkRange('maxInFlight', config.maxInFlight, 1, 1_000);
  checkRange('maxUnconfirmed', config.maxUnconfirmed, 1, Infinity);
  checkRange('bufferBytes', config.bufferBytes, 1, Infinity);
  checkRange('deliveryTimeoutMs', config.deliveryTimeoutMs, 1, Infinity);
  return config;
}

function isIdempotent(delivery: string, idempotent: boolean | undefined): boolean {
  if (delivery !== 'at-least-once' && delivery !== 'exactly-once') {
    throw invalidArgument(`delivery is at-least-once, exactly-once; got ${String(delivery)}`);
  }
  if (idempotent === undefined) return delivery === 'exactly-once';
  throw invalidArgument(`delivery "${delivery}" says what idempotent is; leave it out`);
}
