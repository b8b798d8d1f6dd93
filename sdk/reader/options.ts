/** The options of a reader. */

import { FETCH_BYTES_DEFAULT, FETCH_BYTES_MAX, WAIT_MS_MAX } from '../../protocol/limits.ts';
import type { BodyOptions } from '../claims/open-body.ts';
import { checkRange, levelFields } from '../client/options.ts';
import { wireOffset, type StartPosition, type WireOffset } from '../values/start-position.ts';
import { checkPartition } from '../client/names.ts';
import type { TopicReplaced } from '../client/topic-replaced.ts';

export interface ReaderOptions extends BodyOptions {
  /** Default: all that the topic has when reading begins. Partitions added later are not noticed. */
  partitions?: readonly number[];
  /**
   * Default `earliest`. One for all, or by partition, as an object or a Map; partitions that are not in it begin at
   * `earliest`. To go on where you left off, store `record.offset + 1` for each partition.
   */
  from?: StartPosition | ReadonlyMap<number, StartPosition> | Readonly<Record<number, StartPosition>>;
  /**
   * The topic that the offsets in `from` belong to: `record.topicId`, stored with them. If the topic was deleted and
   * made again since, the offsets are void, and `onOutOfRange` decides. Default: not checked.
   */
  topicId?: number | undefined;
  /**
   * Default true: the loop waits for new records for ever. false: it ends with the last record that existed at the
   * start.
   */
  follow?: boolean;
  /**
   * When the position has been removed by retention, does not exist, or was in a topic that was deleted and made again
   * since (`inconsistent_topic_id`): `error` (default), or continue at the `earliest` or `latest` offset and miss
   * records. A reader that continues also waits, for `giveUpMs`, for a deleted topic to be made again.
   */
  onOutOfRange?: 'error' | 'earliest' | 'latest';
  /** Called for each partition when the topic was deleted and made again, and reading continues in the new one. */
  onTopicReplaced?: ((replaced: TopicReplaced) => unknown) | undefined;
  /**
   * What to do with records that are damaged on disk (their CRC does not match): `error` (default) ends reading with a
   * PosthornError `stored_batch_corrupt` whose details name the `offset` and the `next_offset` after them; `skip`
   * leaves them out.
   */
  onCorrupt?: 'error' | 'skip';
  /**
   * Default `read_uncommitted`: all records, in order. `read_committed`: no records of aborted transactions, and
   * records after the first open transaction only when it has ended.
   */
  isolation?: 'read_uncommitted' | 'read_committed';
  /**
   * The delivery level. `exactly-once` is isolation `read_committed`, for applications that store their position with
   * the results. The others change nothing here: store the position before the work (`at-most-once`) or after it
   * (`at-least-once`).
   */
  delivery?: 'at-most-once' | 'at-least-once' | 'exactly-once' | undefined;
  /** Bytes of one fetch, at most 8 MiB. For each partition up to two are in memory. Default 1 MiB. */
  fetchBytes?: number;
  /** How long one request waits for new records, in ms, 1 to 300,000. Default 30,000. */
  waitMs?: number;
  /** How long temporary failures are tried again before they are thrown, in ms. Default 120,000. */
  giveUpMs?: number;
  /** Ends reading at once, with a PosthornError `aborted`. To end a loop without an error use `close` or `break`. */
  signal?: AbortSignal | undefined;
}

export interface ReaderConfig {
  bodies: 'load' | 'claim';
  partitions: readonly number[] | null;
  startOf: (partition: number) => WireOffset;
  topicId: number | null;
  onTopicReplaced: ReaderOptions['onTopicReplaced'];
  follow: boolean;
  onOutOfRange: 'error' | 'earliest' | 'latest';
  onCorrupt: 'error' | 'skip';
  isolation: 'read_uncommitted' | 'read_committed';
  fetchBytes: number;
  waitMs: number;
  giveUpMs: number;
  signal: AbortSignal | undefined;
}

export function readerConfig(options: ReaderOptions): ReaderConfig {
  const level = levelFields(options, { 'exactly-once': { isolation: 'read_committed' } as const });
  const { fetchBytes = FETCH_BYTES_DEFAULT, waitMs = 30_000, giveUpMs = 120_000 } = options;
  checkRange('fetchBytes', fetchBytes, 1, FETCH_BYTES_MAX);
  checkRange('waitMs', waitMs, 1, WAIT_MS_MAX);
  checkRange('giveUpMs', giveUpMs, 0, Infinity);
  return {
    bodies: options.bodies ?? 'load',
    partitions: options.partitions ? [...new Set(options.partitions)].map(checkPartition) : null,
    startOf: startsOf(options.from ?? 'earliest'),
    topicId: options.topicId ?? null,
    onTopicReplaced: options.onTopicReplaced,
    follow: options.follow ?? true,
    onOutOfRange: options.onOutOfRange ?? 'error',
    onCorrupt: options.onCorrupt ?? 'error',
    isolation: level?.isolation ?? options.isolation ?? 'read_uncommitted',
    fetchBytes,
    waitMs,
    giveUpMs,
    signal: options.signal,
  };
}

function startsOf(from: NonNullable<ReaderOptions['from']>): ReaderConfig['startOf'] {
  if (!isByPartition(from)) {
    const start = wireOffset(from);
    return () => start;
  }
  const entries = from instanceof Map ? [...from] : Object.entries(from as Record<number, StartPosition>);
  const starts = new Map(
    entries.map(([partition, start]) => [
      checkPartition(Number(partition)),
      wireOffset(start, `from of partition ${partition}`),
    ]),
  );
  return (partition) => starts.get(partition) ?? 'earliest';
}

/** Partitions are numbers; any other field is one of a start position, perhaps by a wrong name. */
function isByPartition(
  from: NonNullable<ReaderOptions['from']>,
): from is ReadonlyMap<number, StartPosition> | Readonly<Record<number, StartPosition>> {
  if (typeof from !== 'object' || from === null || from instanceof Date) return false;
  return from instanceof Map || Object.keys(from).every((name) => /^\d+$/.test(name));
}
