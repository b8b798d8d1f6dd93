/** ListOffsets, OffsetForLeaderEpoch: where a partition begins and ends, and the first record at or after a time. */

import { TIMESTAMP_AHEAD_MS_MAX } from '../../../protocol/limits.ts';
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
  leaderEpoch: number;
}

const LATEST = -1;
const EARLIEST = -2;
/** The record with the largest timestamp. */
const MAX_TIMESTAMP = -3;
/** The start of what is kept at hand: all of it is. */
const EARLIEST_LOCAL = -4;
/** The ends of what is kept elsewhere: nothing is. */
const ELSEWHERE = [-5, -6];
/** Below it nothing has a meaning. */
const TIMESTAMP_MIN = -6;

const NOTHING_FOUND: Found = { offset: -1, timestamp: -1, leaderEpoch: -1 };

export const listOffsets: Handler<ListOffsetsRequest> = async (session, { topics, isolationLevel }) => ({
  topics: await Promise.all(
    topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(async ({ partitionIndex, timestamp }) => {
          if (timestamp < TIMESTAMP_MIN) {
            const errorCode = ERRORS.UNSUPPORTED_VERSION;
            return { partitionIndex, errorCode, ...NOTHING_FOUND };
          }
          try {
            const found = await find(session, name, partitionIndex, timestamp, isolationLevel === 1);
            return { partitionIndex, errorCode: ERRORS.NONE, ...found };
          } catch (error) {
            const { errorCode } = failureOf(error, 'topic');
            return { partitionIndex, errorCode, ...NOTHING_FOUND };
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
  // Of all records, as Kafka looks: whether the one that is found may be seen is decided after that.
  const look: Look = (offset) => {
    const read = { topic, topicId: undefined, partition, offset, bytesMax: 1, waitMs: 0 };
    return readPartition(client.transport, { ...read, isCommittedOnly: false }, signal);
  };
  if (timestamp === LATEST) {
    const { lastStableOffset, highWatermark } = await look('latest');
    return foundAt(isCommittedOnly ? lastStableOffset : highWatermark);
  }
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) {
    return foundAt((await look('earliest')).logStartOffset);
  }
  if (ELSEWHERE.includes(timestamp)) return NOTHING_FOUND;
  const found = timestamp === MAX_TIMESTAMP ? await findLargest(look) : await findSince(look, timestamp);
  if (found === null || (isCommittedOnly && found.offset >= found.lastStableOffset)) return NOTHING_FOUND;
  return foundAt(found.offset, found.timestamp);
}

function foundAt(offset: number, timestamp = -1): Found {
  return { offset, timestamp, leaderEpoch: LEADER_EPOCH };
}

interface OffsetForLeaderEpochRequest {
  topics: { topic: string; partitions: { partition: number; leaderEpoch: number }[] }[];
}

/** Clients ask it to notice records that a new leader does not have. The one leader has them all, up to the end of the log. */
export const offsetForLeaderEpoch: Handler<OffsetForLeaderEpochRequest> = async (session, { topics }) => ({
  topics: await Promise.all(
    topics.map(async ({ topic, partitions }) => ({
      topic,
      partitions: await Promise.all(
        partitions.map(async ({ partition, leaderEpoch: asked }) => {
          try {
            const { offset: endOffset, leaderEpoch } = await find(session, topic, partition, LATEST, false);
            const known = asked === LEADER_EPOCH ? { leaderEpoch, endOffset } : NO_EPOCH;
            return { partition, errorCode: ERRORS.NONE, ...known };
          } catch (error) {
            return { partition, errorCode: failureOf(error, 'topic').errorCode, ...NO_EPOCH };
          }
        }),
      ),
    })),
  ),
});

const NO_EPOCH = { leaderEpoch: -1, endOffset: -1 };

type Look = (offset: string) => Promise<PartitionBatches>;

interface FoundInLog {
  offset: number;
  timestamp: number;
  lastStableOffset: number;
}

/** The first record at or after a time; null if there is none. */
async function findSince(look: Look, timestamp: number): Promise<FoundInLog | null> {
  const { startOffset, highWatermark, lastStableOffset, records } = await look(`@${timestamp}`);
  if (startOffset >= highWatermark) return null;
  const own = (await timestampAt(records, startOffset)) ?? timestamp;
  return { offset: startOffset, timestamp: own, lastStableOffset };
}

/** By halving: the first record with the latest time that the log has. */
async function findLargest(look: Look): Promise<FoundInLog | null> {
  let largest: FoundInLog | null = null;
  let [low, high] = [0, Date.now() + TIMESTAMP_AHEAD_MS_MAX];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const found = await findSince(look, middle);
    if (found === null) {
      high = middle - 1;
      continue;
    }
    largest = found;
    low = Math.max(middle, found.timestamp) + 1;
  }
  return largest ?? (await firstWithout(look));
}

/** The first record of a log whose records have no timestamps; null if there is none. */
async function firstWithout(look: Look): Promise<FoundInLog | null> {
  const { logStartOffset: offset, highWatermark, lastStableOffset } = await look('earliest');
  return offset < highWatermark ? { offset, timestamp: -1, lastStableOffset } : null;
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
