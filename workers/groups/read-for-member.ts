/**
 * Read for a member: reads all partitions of a member as one answer. Each round asks all partitions for an equal part,
 * and the next round gives what is left to those with more. If no partition has records, the router waits with a socket
 * to each and keeps the member alive meanwhile. Partitions can sleep, and newly assigned ones are read too.
 *
 * A member reads in the topics that it is assigned, by their ids. If one was deleted and made again and the group has not
 * noticed, the router makes it notice first; a position that names the old one is refused.
 */

import type { ReadIsolation } from '../../core/log/aborted.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { MemberView, OwnedPartition } from '../../durable-objects/rpc/group.ts';
import type { ReadRequest, PartitionMethods } from '../../durable-objects/rpc/partition.ts';
import type { Stale } from '../../durable-objects/rpc/stale.ts';
import { concatenate } from '../../protocol/bytes.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { NamedOffset, NamedPartition, TopicPartition } from '../../protocol/schemas/groups.ts';
import type { FetchFrame } from '../../core/log/fetch-frame.ts';
import type { OnCorrupt } from '../../protocol/schemas/records.ts';
import { grantReply, releaseReply } from '../bounds/reply-bytes.ts';
import type { GroupPath } from './assign.ts';
import { refreshTopics } from '../cache/known-topics.ts';
import { callPartition } from '../calls/partition-call.ts';
import type { AppContext } from '../http/context.ts';
import { frameOfResponse } from '../fetch/fetch-frame-of.ts';
import { replacedTopic, topicOfId } from '../cache/topic-identity.ts';
import { lookUpTopic } from '../cache/topology-cache.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { notOwned } from './group-offsets.ts';
import { SocketSet } from './wait-for-any.ts';

/** How often all partitions are asked while some still have more than their share. */
const ROUNDS_MAX = 3;

/** Partitions asked at the same time. Each may answer a batch of a MiB, whatever its share is. */
const FAN_OUT = 16;

/** Between two looks of a member that has nothing assigned yet: partitions are changing hands. */
const UNASSIGNED_LOOK_MS = 500;

/** How often the group is made to notice that a topic was made again, in one call. */
const REPLACED_MAX = 3;

export interface MemberRead {
  path: GroupPath;
  /** By `topic/partition`; the others are read from the committed offset. */
  positions: ReadonlyMap<string, NamedOffset>;
  /** Only these, of the assigned ones. */
  only: readonly NamedPartition[] | null;
  maxBytes: number;
  /** How much a byte of the reply counts. */
  byteWeight: number;
  /** Infinity if the answer is bytes, which are not cut inside a batch. */
  maxRecords: number;
  waitMs: number;
  isolation: ReadIsolation;
  /** For JSON answers. */
  onCorrupt: OnCorrupt;
}

/** What one partition has answered: whole batches, perhaps of several rounds. */
export interface Section {
  owned: OwnedPartition;
  definition: TopicDefinition;
  frame: FetchFrame;
}

export interface Answer {
  view: MemberView;
  /** Only those with batches. */
  sections: Section[];
  /** What the reply may have, as bytes or as JSON. */
  bytesMax: number;
}

/**
 * @param heartbeat the sign of life of the member, with what it is assigned now
 * @param waitBegins told when there is nothing yet
 * @param signal fires when the client has gone
 */
export async function readForMember(
  c: AppContext,
  read: MemberRead,
  heartbeat: () => Promise<MemberView | Failure>,
  waitBegins: (view: MemberView) => void,
  signal: AbortSignal,
): Promise<Answer | Failure> {
  const endMs = Date.now() + read.waitMs;
  for (let replaced = 0; ;) {
    const view = await heartbeat();
    if (isFailure(view)) return view;
    const round = await readOnce(c, read, view, endMs, heartbeat, waitBegins, signal);
    if (isFailure(round) && round.code === 'inconsistent_topic_id' && replaced++ < REPLACED_MAX) {
      const refused = checkNamed(read, view);
      if (refused) return refused;
      await refreshTopics(c.env, read.path.namespace); // the next heartbeat has a target with the topic that is there
      continue;
    }
    if (round !== 'again') return round;
  }
}

/** One look at all partitions and, if they have nothing, a wait: the answer, or `again` if there is a reason to look. */
async function readOnce(
  c: AppContext,
  read: MemberRead,
  view: MemberView,
  endMs: number,
  heartbeat: () => Promise<MemberView | Failure>,
  waitBegins: (view: MemberView) => void,
  signal: AbortSignal,
): Promise<Answer | 'again' | Failure> {
  const partitions = await partitionsToRead(c, read, view);
  if (isFailure(partitions)) return partitions;
  const bytesMax = await grantReply(c.req.raw, read.maxBytes, read.byteWeight);
  if (isFailure(bytesMax)) return bytesMax;
  const sections = await readTurn(c, { ...read, maxBytes: bytesMax }, view, partitions);
  if (isFailure(sections)) return sections;
  if (sections.length > 0) return { view, sections, bytesMax };
  releaseReply(c.req.raw);
  if (Date.now() < endMs) waitBegins(view);
  const sign = await waitForRecords(c, read, view, partitions, endMs, heartbeat, signal);
  return sign === 'over' ? { view, sections, bytesMax } : sign;
}

type Place = Omit<Section, 'frame'>;

async function partitionsToRead(
  c: AppContext,
  read: MemberRead,
  view: MemberView,
): Promise<Place[] | Failure> {
  const refused = checkNamed(read, view);
  if (refused) return refused;
  const assigned = new Map(view.assignment.map((owned) => [key(owned), owned]));
  const wanted = read.only
    ? [...new Set(read.only.map(key))].map((name) => assigned.get(name)!)
    : view.assignment;
  const places: Place[] = [];
  for (const owned of wanted) {
    const found = await lookUpTopic(c.env, read.path.namespace, owned.topic, 0);
    if (isFailure(found)) continue; // one that is gone has nothing to read
    const definition = await topicOfId(c.env, found.topic, owned.topicId, owned.partition);
    if (!isFailure(definition)) places.push({ owned, definition });
    else if (definition.code === 'inconsistent_topic_id') return definition;
  }
  const first = Math.floor(Math.random() * places.length); // nobody is always the last to be given a share
  return [...places.slice(first), ...places.slice(0, first)];
}

/** What the request names is this member's, and of the topic that it means. */
function checkNamed(read: MemberRead, view: MemberView): Failure | null {
  const assigned = new Map(view.assignment.map((owned) => [key(owned), owned]));
  for (const named of [...(read.only ?? []), ...read.positions.values()]) {
    const owned = assigned.get(key(named));
    if (!owned) return notOwned(named.topic, named.partition);
    const { topic: name, topicId: id } = owned;
    if (named.topic_id !== undefined && named.topic_id !== id)
      return replacedTopic({ name, id }, named.partition);
  }
  return null;
}

const key = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

async function readTurn(
  c: AppContext,
  read: MemberRead,
  view: MemberView,
  places: readonly Place[],
): Promise<Section[] | Failure> {
  const sections = new Map<Place, Section>();
  let bytesLeft = read.maxBytes;
  let recordsLeft = read.maxRecords;
  let asked = places;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const bytesMax = Math.max(1, Math.floor(bytesLeft / asked.length));
    const recordsMax = Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(recordsLeft / asked.length));
    const more: Place[] = [];
    for (let first = 0; first < asked.length; first += FAN_OUT) {
      if (bytesLeft <= 0 || recordsLeft <= 0) return [...sections.values()];
      const frames = await inBatches(asked.slice(first, first + FAN_OUT), async (place) => {
        const offset = sections.get(place)?.frame.nextOffset ?? null;
        const response = await fetchPlace(c, read, view, place, { offset, bytesMax, recordsMax }, false);
        return response === null || isFailure(response) ? response : await frameOfResponse(response);
      });
      for (const [index, frame] of frames.entries()) {
        if (frame === null) continue;
        if (isFailure(frame)) return frame;
        const place = asked[first + index]!;
        if (frame.nextOffset === frame.startOffset) continue;
        const known = sections.get(place);
        sections.set(place, { ...place, frame: known ? joined(known.frame, frame) : frame });
        bytesLeft -= frame.batches.length;
        recordsLeft -= frame.nextOffset - frame.startOffset;
        if (frame.nextOffset < frame.highWatermark) more.push(place);
      }
    }
    asked = more;
  }
  return [...sections.values()];
}

/** Until one of the partitions has something or the assignment changes (`again`), or the time is over. */
async function waitForRecords(
  c: AppContext,
  read: MemberRead,
  view: MemberView,
  places: readonly Place[],
  endMs: number,
  heartbeat: () => Promise<MemberView | Failure>,
  signal: AbortSignal,
): Promise<'again' | 'over' | Failure> {
  if (Date.now() >= endMs) return 'over';
  const sockets = new SocketSet(signal);
  try {
    const opened = await inBatches(places, (place) =>
      fetchPlace(c, read, view, place, { offset: null, bytesMax: 1, recordsMax: 1 }, true),
    );
    for (const response of opened)
      if (response !== null && !isFailure(response) && response.webSocket) sockets.add(response.webSocket);
    for (const response of opened) {
      if (response === null) continue;
      if (isFailure(response)) return response;
      if (!response.webSocket) return 'again'; // a record came in between
    }
    const everyMs = opened.every((response) => response === null)
      ? UNASSIGNED_LOOK_MS
      : view.heartbeatIntervalMs;
    for (;;) {
      const sign = await sockets.wait(Math.max(0, Math.min(everyMs, endMs - Date.now())));
      if (sign === 'left') return 'over';
      if (sign === 'message') return 'again';
      if (Date.now() >= endMs) return 'over';
      const now = await heartbeat();
      if (isFailure(now)) return now;
      if (!isSameAssignment(view, now)) return 'again';
    }
  } finally {
    sockets.close();
  }
}

/** One partition's answer, which refuses if it has another owner by now. Null: its topic is gone. */
async function fetchPlace(
  c: AppContext,
  read: MemberRead,
  view: MemberView,
  { owned, definition }: Place,
  limits: Pick<ReadRequest, 'offset' | 'bytesMax' | 'recordsMax'>,
  isWaiting: boolean,
): Promise<Response | Failure | null> {
  const { topic, partition, since } = owned;
  const call = async (
    stub: DurableObjectStub<PartitionMethods>,
    version: number,
  ): Promise<Response | Failure | Stale> => {
    const request: ReadRequest = {
      ...limits,
      version,
      isolation: read.isolation,
      offset: limits.offset ?? read.positions.get(key(owned))?.offset ?? null,
      claim: {
        group: read.path.name,
        memberId: view.memberId,
        epoch: since,
        isOwner: true,
        autoOffsetReset: owned.reset,
      },
    };
    const url = `https://partition/?${encodeURIComponent(JSON.stringify(request))}`;
    const response = await stub.fetch(url, isWaiting ? { headers: { upgrade: 'websocket' } } : {});
    if (response.status !== 422) return response;
    const refusal = await response.json<Failure | Stale>();
    // Named, because the reply is about many partitions.
    return isFailure(refusal)
      ? failure(refusal.code, refusal.message, { ...refusal.details, topic, partition })
      : refusal;
  };
  const answer = await callPartition(c.env, definition, partition, call, { isPinned: true });
  return isFailure(answer) && answer.code === 'topic_not_found' ? null : answer;
}

/** Two answers of one partition, the second from where the first has ended. */
function joined(first: FetchFrame, second: FetchFrame): FetchFrame {
  const batches = concatenate([first.batches, second.batches]);
  return { ...second, startOffset: first.startOffset, batches };
}

function isSameAssignment(a: MemberView, b: MemberView): boolean {
  return (
    a.assignment.length === b.assignment.length &&
    a.assignment.every(({ topic, partition, since }, index) => {
      const other = b.assignment[index]!;
      return topic === other.topic && partition === other.partition && since === other.since;
    })
  );
}
