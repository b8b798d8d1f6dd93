/** Fetch: records of many partitions, with one wait for all of them. */

import { FETCH_BYTES_MAX } from '../../../protocol/limits.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import type { Ends, PartitionFeed, Ready } from '../fetch/partition-feed.ts';
import type { Handler, Session } from '../session.ts';

interface FetchRequest {
  maxWaitMs: number;
  minBytes: number;
  maxBytes: number;
  isolationLevel: number;
  sessionId: number;
  sessionEpoch: number;
  topics: {
    topic: string;
    topicId: string;
    partitions: { partition: number; fetchOffset: number; partitionMaxBytes: number }[];
  }[];
}

/** A partition of the request. */
interface Asked {
  partition: number;
  offset: number;
  bytesMax: number;
  /** Null if there is no such topic. */
  feed: PartitionFeed | null;
}

type Looked = Ready | { ends: Ends } | null;

/** From version 13 on topics are named by their UUIDs. */
const TOPIC_IDS_VERSION = 13;

/** The longest wait, whatever the client asks for, in ms. */
const WAIT_MS_MAX = 300_000;

/** How long others wait for partitions whose ends are not known yet, in ms. */
const UNKNOWN_MS_MAX = 200;

/** Memory for all partitions of a fetch together. */
const BYTES_MAX = 32 * 1024 * 1024;

/** Of one partition, however many there are. */
const SHARE_BYTES_MIN = 64 * 1024;

export const fetch: Handler<FetchRequest> = async (session, request, version) => {
  // Sessions are declined with the id 0, so that no client has one. An epoch above 0 goes on with one; others bring all that they ask.
  if (request.sessionEpoch > 0)
    return { errorCode: ERRORS.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] };
  const count = request.topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
  const share = Math.max(SHARE_BYTES_MIN, Math.floor(BYTES_MAX / Math.max(1, count)));
  const isCommittedOnly = request.isolationLevel === 1;
  const asked = await Promise.all(
    request.topics.map(async (topic) => ({
      topic,
      partitions: await partitionsOf(session, topic, { isCommittedOnly, share, version }),
    })),
  );
  const all = asked.flatMap(({ partitions }) => partitions);
  await waitForRecords(session, all, request);
  const taken = takeRecords(all, request.maxBytes);
  return {
    errorCode: ERRORS.NONE,
    sessionId: 0,
    responses: asked.map(({ topic, partitions }) => ({
      topic: topic.topic,
      topicId: topic.topicId,
      partitions: partitions.map((each) => taken.get(each)!),
    })),
  };
};

async function partitionsOf(
  { client, feeds }: Session,
  { topic, topicId, partitions }: FetchRequest['topics'][number],
  { isCommittedOnly, share, version }: { isCommittedOnly: boolean; share: number; version: number },
): Promise<Asked[]> {
  const isById = version >= TOPIC_IDS_VERSION;
  const known = isById ? await client.directory.byUuid(topicId) : { topic, topicId: undefined };
  return partitions.map(({ partition, fetchOffset, partitionMaxBytes }) => ({
    partition,
    offset: fetchOffset,
    bytesMax: Math.max(1, Math.min(partitionMaxBytes, share, FETCH_BYTES_MAX)),
    feed: known && feeds.get({ ...known, partition, isCommittedOnly }),
  }));
}

async function waitForRecords(session: Session, all: readonly Asked[], request: FetchRequest): Promise<void> {
  const { feeds, signal } = session;
  const beganMs = performance.now();
  const waitMs = Math.min(Math.max(0, request.maxWaitMs), WAIT_MS_MAX);
  feeds.dropUnused(all.length, beganMs);
  while (!signal.aborted) {
    const nowMs = performance.now();
    const looked = all.map((each) => look(each, nowMs));
    const bytes = looked.reduce((sum, each) => sum + bytesOf(each), 0);
    const isKnown = looked.every((each) => each !== null);
    const isEnough = bytes >= Math.max(1, request.minBytes) || looked.some(isFailed);
    const isOver = nowMs >= beganMs + waitMs;
    if ((isEnough || isOver) && (isKnown || nowMs >= beganMs + UNKNOWN_MS_MAX)) return;
    const endMs = isEnough || isOver ? beganMs + UNKNOWN_MS_MAX : beganMs + waitMs;
    await feeds.change(Math.max(1, endMs - nowMs));
  }
}

const look = ({ feed, offset, bytesMax }: Asked, nowMs: number): Looked =>
  feed === null ? UNKNOWN_TOPIC : feed.look(offset, bytesMax, nowMs);

const UNKNOWN_TOPIC: Ready = {
  batches: null,
  failure: { errorCode: ERRORS.UNKNOWN_TOPIC_ID, errorMessage: 'there is no topic with this id' },
};

function bytesOf(looked: Looked): number {
  return looked && 'batches' in looked ? (looked.batches?.records.length ?? 0) : 0;
}

function isFailed(looked: Looked): boolean {
  return looked !== null && 'failure' in looked && looked.failure !== null;
}

let turn = 0;

/** Begins at another partition each time, so that none is always the one for which there is no room. */
function takeRecords(all: readonly Asked[], bytesMax: number): Map<Asked, object> {
  const answers = new Map<Asked, object>();
  const nowMs = performance.now();
  const first = turn++ % Math.max(1, all.length);
  let bytes = 0;
  for (let nth = 0; nth < all.length; nth++) {
    const each = all[(first + nth) % all.length]!;
    const looked = look(each, nowMs);
    const size = bytesOf(looked);
    const isTaken = size === 0 || bytes === 0 || bytes + size <= bytesMax;
    answers.set(each, answerOf(each, looked, isTaken));
    if (!isTaken || looked === null || 'ends' in looked) continue;
    bytes += size;
    each.feed?.taken();
  }
  return answers;
}

const UNKNOWN_ENDS: Ends = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 };
const NOTHING = new Uint8Array();

function answerOf({ partition }: Asked, looked: Looked, isTaken: boolean): object {
  const isReady = looked !== null && 'batches' in looked;
  const ends = looked === null ? UNKNOWN_ENDS : isReady ? (looked.batches ?? UNKNOWN_ENDS) : looked.ends;
  return {
    partitionIndex: partition,
    errorCode: (isReady && looked.failure?.errorCode) || ERRORS.NONE,
    highWatermark: ends.highWatermark,
    lastStableOffset: ends.lastStableOffset,
    logStartOffset: ends.logStartOffset,
    // The broker leaves out what was aborted.
    abortedTransactions: null,
    preferredReadReplica: -1,
    records: isReady && isTaken ? (looked.batches?.records ?? NOTHING) : NOTHING,
  };
}
