/** ShareFetch, ShareAcknowledge: records of share groups (KIP-932), within a session. */

import { FETCH_BYTES_MAX, PARTITIONS_MAX, SHARE_IN_FLIGHT_MAX } from '../../../../protocol/limits.ts';
import type { AcquiredFrame } from '../../../../protocol/frames/acquired-frame.ts';
import type { RangesOutcome } from '../../../../protocol/schemas/share-groups.ts';
import { asPosthornError } from '../../../../sdk/errors.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../../broker/broker-errors.ts';
import type { Handler, Session } from '../../session.ts';
import {
  acknowledge,
  acquire,
  type AcknowledgeKind,
  type PlaceAcknowledgement,
} from '../../share/share-calls.ts';
import { release } from '../../share/share-connection.ts';
import {
  keyOf,
  MEMBER_ID_LENGTH_MAX,
  SHARE_SESSIONS_MAX,
  type SharePlace,
  type ShareSession,
} from '../../share/share-session.ts';
import { shareFailure } from './share-groups.ts';

interface AcknowledgementBatch {
  firstOffset: number;
  lastOffset: number;
  /** One for all, or one for each offset. */
  acknowledgeTypes: number[];
}

interface AskedTopic {
  topicId: string;
  partitions: { partitionIndex: number; acknowledgementBatches: AcknowledgementBatch[] }[];
}

interface Identified {
  groupId: string | null;
  memberId: string | null;
  /** 0 begins a session, -1 ends it. */
  shareSessionEpoch: number;
  isRenewAck: boolean;
  topics: AskedTopic[];
}

interface ShareFetchRequest extends Identified {
  maxWaitMs: number;
  maxBytes: number;
  maxRecords: number;
  forgottenTopicsData: { topicId: string; partitions: number[] }[];
}

const BEGINS = 0;
const ENDS = -1;

/** The longest wait: a connection that ends is noticed after it, in ms. */
const WAIT_MS_MAX = 5_000;

/** Kinds of acknowledgements by their numbers. A gap is an offset where the client has found no record. */
const KINDS: readonly AcknowledgeKind[] = ['accept', 'accept', 'release', 'reject', 'extend'];
const RENEW = 4;

/** What a partition of an answer tells. */
interface Told {
  place: { uuid: string; partition: number };
  acknowledgement?: KafkaFailure | null;
  fetch?: KafkaFailure;
  section?: AcquiredFrame['sections'][number];
}

export const shareFetch: Handler<ShareFetchRequest> = async (session, request) => {
  const opened = openSession(session, request);
  if ('errorCode' in opened) return { ...opened, acquisitionLockTimeoutMs: 0, responses: [] };
  const told = new Map<string, Told>();
  const places = await placesOf(session, request.topics, told);
  const tooMany = kafkaFailure(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `a session has at most ${PARTITIONS_MAX} partitions`,
  );
  for (const { place } of places) if (!opened.add(place)) tell(told, place, { fetch: tooMany });
  for (const { topicId: uuid, partitions } of request.forgottenTopicsData)
    for (const partition of partitions) opened.forget({ uuid, partition });
  await acknowledgeAll(session, opened, places, request, told);
  let lockMs = opened.lockMs;
  const isFetch = request.shareSessionEpoch !== ENDS && !request.isRenewAck && request.maxRecords > 0;
  if (isFetch && opened.partitions.length > 0) {
    const frame = await acquireAll(session, opened, request, told);
    if (frame !== null && frame.lock_duration_ms > 0) lockMs = opened.lockMs = frame.lock_duration_ms;
  }
  return {
    errorCode: ERRORS.NONE,
    errorMessage: null,
    acquisitionLockTimeoutMs: lockMs,
    responses: byTopic(told, ({ place, acknowledgement, fetch, section }) => ({
      partitionIndex: place.partition,
      errorCode: fetch?.errorCode ?? ERRORS.NONE,
      errorMessage: fetch?.errorMessage ?? null,
      acknowledgeErrorCode: acknowledgement?.errorCode ?? ERRORS.NONE,
      acknowledgeErrorMessage: acknowledgement?.errorMessage ?? null,
      currentLeader: UNKNOWN_LEADER,
      records: section?.batches ?? NOTHING,
      acquiredRecords: (section?.acquired ?? []).map(([start, end, deliveryCount]) => ({
        firstOffset: start,
        lastOffset: end - 1,
        deliveryCount,
      })),
    })),
    nodeEndpoints: [],
  };
};

export const shareAcknowledge: Handler<Identified> = async (session, request) => {
  if (request.shareSessionEpoch === BEGINS) {
    return {
      ...kafkaFailure('INVALID_SHARE_SESSION_EPOCH', 'a session begins with ShareFetch'),
      responses: [],
    };
  }
  const opened = openSession(session, request);
  if ('errorCode' in opened) return { ...opened, responses: [] };
  const told = new Map<string, Told>();
  const places = await placesOf(session, request.topics, told);
  await acknowledgeAll(session, opened, places, request, told);
  return {
    errorCode: ERRORS.NONE,
    errorMessage: null,
    acquisitionLockTimeoutMs: opened.lockMs,
    responses: byTopic(told, ({ place, acknowledgement, fetch }) => ({
      partitionIndex: place.partition,
      errorCode: (fetch ?? acknowledgement)?.errorCode ?? ERRORS.NONE,
      errorMessage: (fetch ?? acknowledgement)?.errorMessage ?? null,
      currentLeader: UNKNOWN_LEADER,
    })),
    nodeEndpoints: [],
  };
};

const NOTHING = new Uint8Array();
const UNKNOWN_LEADER = { leaderId: -1, leaderEpoch: -1 };

function openSession(
  { client: { namespace }, shares }: Session,
  request: Identified,
): ShareSession | KafkaFailure {
  const { groupId, memberId, shareSessionEpoch: epoch, topics } = request;
  if (!groupId || !memberId || memberId.length > MEMBER_ID_LENGTH_MAX)
    return kafkaFailure(
      'INVALID_REQUEST',
      'the request names no group or no member, or has too long a name for it',
    );
  const known = shares.get(namespace, groupId, memberId);
  if (epoch === BEGINS) {
    const isAcknowledging = topics.some(({ partitions }) =>
      partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0),
    );
    if (isAcknowledging) return kafkaFailure('INVALID_REQUEST', 'a new session has nothing to acknowledge');
    const begun = shares.begin(namespace, groupId, memberId);
    if (begun) return begun;
    return kafkaFailure(
      'SHARE_SESSION_LIMIT_REACHED',
      `a connection has at most ${SHARE_SESSIONS_MAX} sessions`,
    );
  }
  if (known === null) return kafkaFailure('SHARE_SESSION_NOT_FOUND', 'there is no such session');
  if (epoch === ENDS || known.accept(epoch)) return known;
  return kafkaFailure('INVALID_SHARE_SESSION_EPOCH', `epoch ${epoch} is not the next of the session`);
}

interface AskedPlace {
  place: SharePlace;
  batches: readonly AcknowledgementBatch[];
}

/** Topics that are not there are told of. */
async function placesOf(
  { client }: Session,
  topics: readonly AskedTopic[],
  told: Map<string, Told>,
): Promise<AskedPlace[]> {
  const places: AskedPlace[] = [];
  for (const { topicId: uuid, partitions } of topics) {
    const known = await client.directory.byUuid(uuid);
    for (const { partitionIndex: partition, acknowledgementBatches: batches } of partitions) {
      if (known)
        places.push({ place: { topic: known.topic, topicId: known.topicId, uuid, partition }, batches });
      else {
        const fetch = kafkaFailure('UNKNOWN_TOPIC_ID', 'there is no topic with this id');
        told.set(keyOf({ uuid, partition }), { place: { uuid, partition }, fetch });
      }
    }
  }
  return places;
}

/** Acknowledges what the request brings. If the session ends, the rest is released. */
async function acknowledgeAll(
  session: Session,
  opened: ShareSession,
  places: readonly AskedPlace[],
  { shareSessionEpoch, isRenewAck }: Identified,
  told: Map<string, Told>,
): Promise<void> {
  const calls: PlaceAcknowledgement[] = [];
  for (const { place, batches } of places) {
    if (batches.length === 0) continue;
    const ranges = rangesOf(batches, isRenewAck);
    if ('errorCode' in ranges) tell(told, place, { acknowledgement: ranges });
    else calls.push({ place, ranges, isLeaving: false });
  }
  try {
    const outcomes = await acknowledge(session.client.transport, opened, calls);
    for (const [index, { place }] of calls.entries())
      tell(told, place, { acknowledgement: failureOfOutcome(outcomes[index]) });
  } catch (error) {
    const failure = shareFailure(error);
    for (const { place } of calls) tell(told, place, { acknowledgement: failure });
  }
  // What cannot be released is free when its lock ends.
  if (shareSessionEpoch === ENDS) await session.shares.close(session.client, opened).catch(() => {});
}

function rangesOf(
  batches: readonly AcknowledgementBatch[],
  isRenewAck: boolean,
): PlaceAcknowledgement['ranges'] | KafkaFailure {
  const ranges: PlaceAcknowledgement['ranges'] = [];
  for (const { firstOffset, lastOffset, acknowledgeTypes: types } of batches) {
    const count = lastOffset - firstOffset + 1;
    const isWhole = firstOffset >= 0 && count > 0 && (types.length === 1 || types.length === count);
    if (!isWhole) return kafkaFailure('INVALID_REQUEST', 'acknowledgements do not fit their offsets');
    const single = types.length === 1;
    for (const [nth, type] of types.entries()) {
      const kind = KINDS[type];
      if (kind === undefined || (type === RENEW && !isRenewAck)) {
        return kafkaFailure('INVALID_REQUEST', `there is no acknowledgement of type ${type}`);
      }
      const start = firstOffset + nth;
      const end = single ? lastOffset + 1 : start + 1;
      const last = ranges.at(-1);
      if (last?.kind === kind && last.end === start) last.end = end;
      else ranges.push({ kind, start, end });
    }
  }
  if (ranges.length <= SHARE_IN_FLIGHT_MAX) return ranges;
  return kafkaFailure(
    'INVALID_REQUEST',
    `${ranges.length} ranges of offsets; ${SHARE_IN_FLIGHT_MAX} are the most`,
  );
}

function failureOfOutcome(outcome: RangesOutcome | undefined): KafkaFailure | null {
  if (outcome === 'acknowledged') return null;
  return kafkaFailure('INVALID_RECORD_STATE', `the records are not acquired by the member (${outcome})`);
}

async function acquireAll(
  session: Session,
  opened: ShareSession,
  { maxRecords, maxBytes, maxWaitMs }: ShareFetchRequest,
  told: Map<string, Told>,
): Promise<AcquiredFrame | null> {
  const { transport, namespace } = session.client;
  // Who brings acknowledgements wants to hear of them.
  const waitMs = told.size > 0 ? 0 : Math.min(Math.max(0, maxWaitMs), WAIT_MS_MAX);
  const limits = {
    recordsMax: Math.min(maxRecords, SHARE_IN_FLIGHT_MAX),
    bytesMax: Math.min(Math.max(1, maxBytes), FETCH_BYTES_MAX),
    waitMs,
  };
  try {
    const frame = await acquire(transport, opened, limits);
    const places = new Map(opened.partitions.map((place) => [`${place.topic}/${place.partition}`, place]));
    for (const section of frame.sections) {
      const place = places.get(`${section.topic}/${section.partition}`);
      if (!place) continue;
      opened.touch(place);
      if (!opened.hasEnded) tell(told, place, { section });
    }
    // Another connection has ended the session while this one waited for records.
    if (opened.hasEnded) await release(session.client, opened);
    return frame;
  } catch (error) {
    const { code } = asPosthornError(error);
    const isUndeclared = code === 'share_group_not_found' || code === 'partition_not_found';
    if (isUndeclared) session.shareMembers.forgetDeclared(namespace, opened.group);
    const fetch = fetchFailure(error, isUndeclared);
    for (const place of opened.partitions) tell(told, place, { fetch });
    return null;
  }
}

/** The codes that clients expect. Everything else tells them to look the partition up and try again. */
const EXPECTED: ReadonlySet<number> = new Set([
  ERRORS.UNKNOWN_TOPIC_OR_PARTITION,
  ERRORS.TOPIC_AUTHORIZATION_FAILED,
]);

function fetchFailure(error: unknown, isUndeclared: boolean): KafkaFailure {
  const failure = failureOf(error, 'topic');
  if (isUndeclared) return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', failure.errorMessage);
  return EXPECTED.has(failure.errorCode)
    ? failure
    : kafkaFailure('NOT_LEADER_OR_FOLLOWER', failure.errorMessage);
}

function tell(told: Map<string, Told>, place: SharePlace, more: Omit<Told, 'place'>): void {
  const key = keyOf(place);
  told.set(key, { place, ...told.get(key), ...more });
}

function byTopic(told: ReadonlyMap<string, Told>, partitionOf: (one: Told) => object): object[] {
  const topics = Map.groupBy(told.values(), ({ place }) => place.uuid);
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions: partitions.map(partitionOf) }));
}
