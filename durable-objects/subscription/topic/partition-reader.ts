/** Partition reader: reads records of a partition for a subscription, decoded up to a bound. */

import type { SourceTopic } from '../../../core/topology/subscriptions.ts';
import { sourceTopicOf } from '../../../core/topology/subscriptions.ts';
import type { TopicDefinition } from '../../../core/topology/topics.ts';
import type { Failure } from '../../../protocol/errors.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  START_OFFSET_HEADER,
} from '../../../protocol/headers/media-types.ts';
import {
  isBatchFailure,
  isDamaged,
  openBatch,
  surveyBatches,
  visitOpen,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import { zlibCodec } from '../../storage/zlib-codec.ts';
import type { ReadRequest } from '../../rpc/partition.ts';
import { isStale, type Stale } from '../../rpc/stale.ts';
import type { Env } from '../../env.ts';
import { partitionStub, topologyStub } from '../../stubs.ts';

/** Of stored batches, for one read. */
const READ_BYTES = 512 * 1024;

/** Of decoded records, for one read: a compressed batch may inflate to many times its size. */
const DECODED_BYTES_MAX = 2 * 1024 * 1024;
const DECODED_RECORDS_MAX = 2_000;

export type Place = NonNullable<ReadRequest['offset']>;

export type PartitionRead =
  | {
      kind: 'read';
      records: LogRecord[];
      startOffset: number;
      nextOffset: number;
      /** Where the committed records end. */
      endOffset: number;
      /** The damaged ranges that were passed over, in words; null: none. */
      damage: string | null;
    }
  /** The offset is outside of the log. */
  | { kind: 'outside'; logStartOffset: number; endOffset: number }
  /** The topic was deleted. */
  | { kind: 'gone' };

export class PartitionReader {
  readonly #env: Env;
  readonly #subscriptionId: number;
  topic: SourceTopic;

  constructor(env: Env, subscriptionId: number, topic: SourceTopic) {
    this.#env = env;
    this.#subscriptionId = subscriptionId;
    this.topic = topic;
  }

  /** Reads from an offset on. It rejects if the partition does not answer. */
  read(partition: number, offset: Place): Promise<PartitionRead> {
    return this.#read(partition, { offset, bytesMax: READ_BYTES, subscription: this.#subscriptionId });
  }

  /** Returns the offset that a place stands for, held to the log; null if the topic was deleted. */
  async resolve(partition: number, offset: Place): Promise<number | null> {
    const read = await this.#read(partition, { offset, bytesMax: 1 });
    if (read.kind === 'gone') return null;
    if (read.kind === 'read') return read.startOffset;
    const isBefore = typeof offset === 'number' && offset < read.logStartOffset;
    return isBefore ? read.logStartOffset : read.endOffset;
  }

  async #read(
    partition: number,
    request: Pick<ReadRequest, 'offset' | 'bytesMax' | 'subscription'>,
  ): Promise<PartitionRead> {
    for (let attempt = 0; ; attempt++) {
      const { version } = this.topic;
      const full: ReadRequest = {
        ...request,
        version,
        recordsMax: DECODED_RECORDS_MAX,
        isolation: 'read_committed',
      };
      const url = `https://partition/?${encodeURIComponent(JSON.stringify(full))}`;
      const response = await partitionStub(this.#env, this.topic, partition).fetch(url);
      if (response.status === 200) return await readOf(response);
      const refused = await response.json<Failure | Stale>();
      if (!isStale(refused)) return outside(refused);
      if (attempt > 0) throw new Error(`partition ${partition} is being changed`);
      if (!(await this.#refresh())) return { kind: 'gone' };
    }
  }

  /** @returns false if the topic was deleted */
  async #refresh(): Promise<boolean> {
    const { namespace, name, id } = this.topic;
    const topology = topologyStub(this.#env, namespace);
    const topic = (await topology.topic(name)).topic as TopicDefinition | null;
    if (topic?.id !== id) return false;
    await topology.propagateOne('topic', name);
    this.topic = sourceTopicOf(topic);
    return true;
  }
}

function outside(refused: Failure): PartitionRead {
  const { log_start_offset: start, high_watermark: end } = (refused.details ?? {}) as Record<string, unknown>;
  if (typeof start === 'number' && typeof end === 'number')
    return { kind: 'outside', logStartOffset: start, endOffset: end };
  throw new Error(refused.message);
}

async function readOf(response: Response): Promise<PartitionRead> {
  const offset = (header: string): number => Number(response.headers.get(header));
  const startOffset = offset(START_OFFSET_HEADER);
  const end = offset(NEXT_OFFSET_HEADER);
  const endOffset = Math.min(offset(HIGH_WATERMARK_HEADER), offset(LAST_STABLE_OFFSET_HEADER));
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { kind: 'read', startOffset, endOffset, ...decode(bytes, startOffset, end) };
}

/** Decodes the records of `[start, end)`, as many as one read may have. */
function decode(
  bytes: Uint8Array,
  start: number,
  end: number,
): { records: LogRecord[]; nextOffset: number; damage: string | null } {
  const records: LogRecord[] = [];
  const damage: string[] = [];
  let size = 0;
  let nextOffset = end;
  for (const piece of surveyBatches(bytes, start, end)) {
    if (isDamaged(piece)) {
      damage.push(`the records from ${piece.baseOffset} to before ${piece.nextOffset} are damaged on disk`);
      continue;
    }
    const { at, header } = piece;
    if (header.isControl || header.recordCount === 0) continue;
    const isFull = (): boolean => records.length >= DECODED_RECORDS_MAX || size >= DECODED_BYTES_MAX;
    if (isFull()) return { records, nextOffset: Math.max(header.baseOffset, start), damage: wordsOf(damage) };
    const batch = openBatch(bytes, at, header, zlibCodec);
    const failed = isBatchFailure(batch)
      ? batch
      : visitOpen(batch, start, (record, recordBytes) => {
          if (isFull()) {
            nextOffset = record.offset;
            return false;
          }
          records.push(record);
          size += recordBytes;
          return undefined;
        });
    if (failed) damage.push(`the batch at offset ${header.baseOffset} cannot be read: ${failed.message}`);
    if (nextOffset !== end) break;
  }
  return { records, nextOffset, damage: wordsOf(damage) };
}

const wordsOf = (damage: readonly string[]): string | null =>
  damage.length === 0 ? null : damage.join('; ');
