/**
 * Exchange batch: a record batch in a topic that an idempotent producer published through an exchange. It tells the
 * partition, also after a wake, which sequences of which producer and exchange are stored
 * (core/producers/gapped-sequences.ts).
 *
 *   producerId         2^52 + the id of the producer: apart from the ids that produce to partitions themselves
 *   producerEpoch      as the producer gave it
 *   baseSequence       that of the first record
 *   record attributes  how many sequences lie between the record and the one before it, 0 to 255. A wider gap begins a
 *                      batch. Kafka leaves this byte unused, and its clients do not look at it
 *   header :exchange   of the first record, which the broker gives each record
 *
 * All batches of one request have the same largest timestamp.
 */

import { EXCHANGE_HEADER } from '../../protocol/headers/message-headers.ts';
import {
  encodeBatch,
  groupRecords,
  recordsAt,
  type BatchHeader,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import { readHeaders } from '../../protocol/record-batch/decode.ts';
import { openBatch } from '../../protocol/record-batch/open-batch.ts';
import { walkRecords } from '../../protocol/record-batch/walk.ts';

const ID_BASE = 2 ** 52;
const GAP_MAX = 255;

/** A producer that publishes through an exchange, as batches name it. */
export interface BatchIdentity {
  id: number;
  epoch: number;
}

export function isExchangeBatch({ producerId }: { producerId: number }): boolean {
  return producerId >= ID_BASE;
}

/** The id of the producer of an exchange batch. */
export function exchangeProducerId({ producerId }: { producerId: number }): number {
  return producerId - ID_BASE;
}

/**
 * Packs records into batches, one after another, none above `bytesMax`.
 * @param sequences one for each record, growing
 */
export function packExchangeBatches(
  records: readonly RecordInput[],
  sequences: readonly number[],
  { id, epoch }: BatchIdentity,
  bytesMax: number,
  timestampType: 'create' | 'append' = 'create',
): Uint8Array[] {
  const gapBefore = (index: number): number => sequences[index]! - sequences[index - 1]! - 1;
  const batches: Uint8Array[] = [];
  let first = 0;
  for (const group of groupRecords(records, { bytesMax }, (index) => gapBefore(index) > GAP_MAX)) {
    const recordAttributes = Uint8Array.from(group, (_, nth) => (nth === 0 ? 0 : gapBefore(first + nth)));
    batches.push(
      encodeBatch(group, {
        producerId: ID_BASE + id,
        producerEpoch: epoch,
        baseSequence: sequences[first]!,
        recordAttributes,
        timestampType,
      }),
    );
    first += group.length;
  }
  return batches;
}

/** The sequences of the records of an exchange batch, in order, and the exchange; null for a batch that is broken. */
export function readExchangeBatch(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
): { exchange: string; sequences: number[] } | null {
  const batch = openBatch(bytes, at, header);
  if ('code' in batch) return null;
  const sequences: number[] = [];
  let exchange = '';
  let next = header.baseSequence;
  const failed = walkRecords(batch, (cursor) => {
    if (sequences.length === 0) {
      const named = readHeaders(cursor).findLast(({ key }) => key === EXCHANGE_HEADER)?.value;
      exchange = named ? new TextDecoder().decode(named) : '';
    }
    next += cursor.attributes;
    sequences.push(next++);
  });
  return failed || sequences.length === 0 ? null : { exchange, sequences };
}

/** The records of an exchange batch at some indexes, as batches of their own. */
export function partOfExchangeBatch(
  bytes: Uint8Array,
  at: number,
  header: BatchHeader,
  indexes: readonly number[],
): Uint8Array[] {
  const records = recordsAt(bytes, at, header);
  const read = readExchangeBatch(bytes, at, header);
  if (!read) throw new Error('the router let an exchange batch through that is broken');
  const { sequences } = read;
  return packExchangeBatches(
    indexes.map((index) => records[index]!),
    indexes.map((index) => sequences[index]!),
    { id: exchangeProducerId(header), epoch: header.producerEpoch },
    Infinity,
    header.timestampType,
  );
}
