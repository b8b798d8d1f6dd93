/** ListOffsets: where a partition begins and ends, and the first record at or after a time. */

import { decodeRecordsAsync, isBatchFailure, splitBatches } from '../../../protocol/record-batch/index.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { failureOf } from '../broker/broker-errors.ts';
import { readPartition, type PartitionBatches } from '../fetch/read-partition.ts';
import { LEADER_EPOCH, type Handler, type Session } from '../session.ts';

interface ListOffsetsRequest {
  isolationLevel: number;
  topics: { name: string; partitions: { partitionIndex: number; timestamp: number }[] }[];
}

interface Found {
  offset: number;
  timestamp: number;
}

const LATEST = -1;
const EARLIEST = -2;
/** The record with the largest timestamp. */
const MAX_TIMESTAMP = -3;
/** The start of what is kept at hand: all of it is. */
const EARLIEST_LOCAL = -4;

const NOTHING_FOUND: Found = { offset: -1, timestamp: -1 };

export const listOffsets: Handler<ListOffsetsRequest> = async (session, { topics, isolationLevel }) => ({
  topics: await Promise.all(
    topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(async ({ partitionIndex, timestamp }) => {
          try {
            const found = await find(session, name, partitionIndex, timestamp, isolationLevel === 1);
            return { partitionIndex, errorCode: ERRORS.NONE, ...found, leaderEpoch: LEADER_EPOCH };
          } catch (error) {
            const { errorCode } = failureOf(error, 'topic');
            return { partitionIndex, errorCode, ...NOTHING_FOUND, leaderEpoch: LEADER_EPOCH };
          }
        }),
      ),
    })),
  ),
});

async function find(
  { client, signal }: Session,
  topic: string,
  partition: number,
  timestamp: number,
  isCommittedOnly: boolean,
): Promise<Found> {
  const look: Look = (offset) => {
    const read = { topic, topicId: undefined, partition, offset, isCommittedOnly, bytesMax: 1, waitMs: 0 };
    return readPartition(client.transport, read, signal);
  };
  if (timestamp === LATEST) return { offset: (await look('latest')).startOffset, timestamp: -1 };
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) {
    return { offset: (await look('earliest')).logStartOffset, timestamp: -1 };
  }
  if (timestamp === MAX_TIMESTAMP) return await findLargest(look, isCommittedOnly);
  if (timestamp < 0) return NOTHING_FOUND;
  return (await findSince(look, timestamp, isCommittedOnly)) ?? NOTHING_FOUND;
}

type Look = (offset: string) => Promise<PartitionBatches>;

/** The first record at or after a time, of those that the client may see; null if there is none. */
async function findSince(look: Look, timestamp: number, isCommittedOnly: boolean): Promise<Found | null> {
  const { startOffset, highWatermark, lastStableOffset, records } = await look(`@${timestamp}`);
  if (startOffset >= (isCommittedOnly ? lastStableOffset : highWatermark)) return null;
  return { offset: startOffset, timestamp: (await timestampAt(records, startOffset)) ?? timestamp };
}

/** By halving: the latest time for which the log has a record. */
async function findLargest(look: Look, isCommittedOnly: boolean): Promise<Found> {
  let largest = NOTHING_FOUND;
  let [low, high] = [0, Date.now() + 3_600_000];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const found = await findSince(look, middle, isCommittedOnly);
    if (found === null) {
      high = middle - 1;
      continue;
    }
    largest = found;
    low = Math.max(middle, found.timestamp) + 1;
  }
  return largest;
}

async function timestampAt(bytes: Uint8Array, offset: number): Promise<number | null> {
  const batches = splitBatches(bytes);
  if (isBatchFailure(batches)) return null;
  for (const { at, header } of batches) {
    const records = await decodeRecordsAsync(bytes, at, header);
    if (isBatchFailure(records)) return null;
    const record = records.find((each) => each.offset >= offset);
    if (record) return record.timestamp;
  }
  return null;
}
