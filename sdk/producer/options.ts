/** The options of a producer. */

import { BATCH_BYTES_MAX } from '../../protocol/limits.ts';
import { checkRange } from '../client/options.ts';

export interface ProducerOptions {
  /**
   * How long a record waits for others to share its batch, in ms. Default 5. With 0 only records that are sent in the
   * same turn of the event loop share one. Under load batches fill while earlier ones are on their way, whatever this is.
   */
  lingerMs?: number;
  /** A batch goes when it reaches this size, in bytes before compression. Default 512 KiB, at most 1 MiB. */
  batchBytes?: number;
  /**
   * Requests under way at once. Default 4. For each partition there is at most one, which is what keeps its order when
   * requests are tried again.
   */
  maxInFlight?: number;
  /** Default `none`. `gzip` pays where the network is slow: it costs more time than it saves on one machine. */
  compression?: 'none' | 'gzip';
  /**
   * Default `durable`: `send` resolves when the record is stored. `none`: it resolves when the broker has taken the
   * record, with offset -1, and nothing is promised, neither storage nor order.
   */
  acks?: 'durable' | 'none';
  /**
   * What may wait in memory, in bytes, an allowance of 256 for each record included; above it `ready()` waits. Default
   * 32 MiB.
   */
  bufferBytes?: number;
  /** How long a record is tried before it is given up with `timeout`, in ms. Default 120,000. */
  deliveryTimeoutMs?: number;
  /** Gives up everything that is not stored yet, with `aborted`, and closes the producer. */
  signal?: AbortSignal | undefined;
}

export interface ProducerConfig extends Required<Omit<ProducerOptions, 'signal'>> {
  signal: AbortSignal | undefined;
}

const KiB = 1024;

const DEFAULTS: ProducerConfig = {
  lingerMs: 5,
  batchBytes: 512 * KiB,
  maxInFlight: 4,
  compression: 'none',
  acks: 'durable',
  bufferBytes: 32 * KiB * KiB,
  deliveryTimeoutMs: 120_000,
  signal: undefined,
};

export function producerConfig(options: ProducerOptions): ProducerConfig {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const config: ProducerConfig = { ...DEFAULTS, ...given };
  checkRange('lingerMs', config.lingerMs, 0, 60_000);
  checkRange('batchBytes', config.batchBytes, 1, BATCH_BYTES_MAX);
  checkRange('maxInFlight', config.maxInFlight, 1, 1_000);
  checkRange('bufferBytes', config.bufferBytes, 1, Infinity);
  checkRange('deliveryTimeoutMs', config.deliveryTimeoutMs, 1, Infinity);
  return config;
}
