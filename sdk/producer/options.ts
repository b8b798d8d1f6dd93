/** The options of a producer. */

import { BATCH_BYTES_MAX } from '../../protocol/limits.ts';
import { CLAIM_DEFAULTS, type ClaimOptions } from '../claims/claim-check.ts';
import { checkConnection, checkRange, levelFields, type Connection } from '../client/options.ts';
import { invalidArgument } from '../errors.ts';

export interface ProducerOptions extends ClaimOptions {
  /**
   * How long a record waits for others to share its batch, in ms. Default 0: records that are sent in the same turn of the
   * event loop share one, which goes at once if none is under way to its partition. A record that may go to any partition
   * gathers with others, for 5 ms at most, while such records are under way. Under load batches fill while earlier ones
   * are under way, whatever this is.
   */
  lingerMs?: number;
  /** A batch goes when it reaches this size, in bytes before compression. Default 512 KiB, at most 1 MiB. */
  batchBytes?: number;
  /**
   * Requests under way at once. Default 4. For each partition there is at most one, which is what keeps its order when
   * requests are tried again.
   */
  maxInFlight?: number;
  /** Default `none`. `gzip` pays if the network is slow: it costs more time than it saves on one machine. */
  compression?: 'none' | 'gzip';
  /**
   * Default `durable`: `send` resolves when the record is stored. `none`: it resolves when the broker has taken the
   * record, with offset -1, and nothing is promised, neither storage nor order.
   */
  acks?: 'durable' | 'none';
  /**
   * Default true, unless `acks` is `none`: the broker stores a record once and in order, however often it is sent, for
   * the life of this producer. It costs one call at the start and nothing for each record.
   */
  idempotent?: boolean;
  /**
   * The delivery level, instead of `acks` and `idempotent`: `at-most-once` is `acks: 'none'`, `at-least-once` is
   * `idempotent: false`, `exactly-once` is the default.
   */
  delivery?: 'at-most-once' | 'at-least-once' | 'exactly-once';
  /**
   * The limit of records in memory, in bytes, with 256 added for each record. Above it `ready()` waits. Default 32 MiB.
   */
  bufferBytes?: number;
  /** How long the producer tries to send a record before it fails with `timeout`, in ms. Default 120,000. */
  deliveryTimeoutMs?: number;
  /**
   * `socket`: records go by a WebSocket that stays open, once requests follow each other closely, and by requests where none
   * can be opened. `requests`: each goes alone. Default `socket` on Node, unless the client has a `fetch`, a `webSocket` or a
   * function for `headers`; elsewhere, and with acks `none`, `requests`.
   */
  connection?: Connection;
  /** Gives up everything that is not stored yet, with `aborted`, and closes the producer. */
  signal?: AbortSignal | undefined;
}

export interface ProducerConfig extends Required<
  Omit<ProducerOptions, 'signal' | 'delivery' | 'connection'>
> {
  connection: Connection | undefined;
  signal: AbortSignal | undefined;
}

const KiB = 1024;

const DEFAULTS: ProducerConfig = {
  ...CLAIM_DEFAULTS,
  lingerMs: 0,
  batchBytes: 512 * KiB,
  maxInFlight: 4,
  compression: 'none',
  acks: 'durable',
  idempotent: true,
  bufferBytes: 32 * KiB * KiB,
  deliveryTimeoutMs: 120_000,
  connection: undefined,
  signal: undefined,
};

export function producerConfig(options: ProducerOptions): ProducerConfig {
  const given: ProducerOptions = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const level =
    options.delivery && levelFields<Pick<ProducerOptions, 'acks' | 'idempotent'>>(options, LEVELS);
  const { delivery: _, ...fields } = { ...given, ...level };
  const config: ProducerConfig = { ...DEFAULTS, idempotent: fields.acks !== 'none', ...fields };
  if (config.acks === 'none' && config.idempotent) {
    throw invalidArgument('idempotent needs acks "durable"');
  }
  checkConnection(config.connection);
  checkRange('lingerMs', config.lingerMs, 0, 60_000);
  checkRange('batchBytes', config.batchBytes, 1, BATCH_BYTES_MAX);
  checkRange('maxInFlight', config.maxInFlight, 1, 1_000);
  checkRange('claimCheckBytes', config.claimCheckBytes, 1, Infinity);
  checkRange('claimTtlMs', config.claimTtlMs, 0, Infinity);
  checkRange('bufferBytes', config.bufferBytes, 1, Infinity);
  checkRange('deliveryTimeoutMs', config.deliveryTimeoutMs, 1, Infinity);
  return config;
}

const LEVELS = {
  'at-most-once': { acks: 'none', idempotent: false },
  'at-least-once': { acks: 'durable', idempotent: false },
  'exactly-once': { acks: 'durable', idempotent: true },
} as const;
