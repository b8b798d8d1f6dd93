/** Group offsets: commits, reads and resets the offsets of a group, which its partitions keep. */

import { own, type GroupState, type TopicRef } from '../../core/group/group-state.ts';
import { checkWithin, type Claim } from '../../core/group/offsets.ts';
import type { OffsetTransaction } from '../../core/group/transactional-offset.ts';
import { resetPosition } from './reset-position.ts';
import { topicRef } from '../../core/group/subscriptions.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import {
  isAskGroup,
  type AskGroup,
  type OffsetCommit,
  type GroupOffsetView,
  type GroupReset,
} from '../../durable-objects/rpc/partition.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type {
  Committed,
  CommitFields,
  GroupOffsetReply,
  IdentifiedOffset,
  NamedOffset,
  ResetFields,
  ResetReply,
} from '../../protocol/schemas/groups.ts';
import type { GroupPath } from './assign.ts';
import { refreshTopics } from '../cache/known-topics.ts';
import { callPartition, checkPartition, topicWith } from '../calls/partition-call.ts';
import { replacedTopic, topicOfId } from '../cache/topic-identity.ts';
import { lookUpTopic } from '../cache/topology-cache.ts';
import { inBatches } from '../calls/map-concurrent.ts';

export interface TopicAndPartition {
  topic: TopicDefinition;
  partition: number;
}

/** Every partition of every topic that the group reads or has read, as far as it still exists. */
export function partitionsOfGroup(
  state: Pick<GroupState, 'topics' | 'formerTopics'>,
  known: readonly TopicDefinition[],
): TopicAndPartition[] {
  const refs: Record<string, TopicRef> = { ...state.formerTopics, ...state.topics };
  return known
    .filter(({ name, id }) => own(refs, name)?.id === id)
    .flatMap((topic) => partitionsOfTopic(topic));
}

export function partitionsOfTopic(topic: TopicDefinition): TopicAndPartition[] {
  return Array.from({ length: topic.config.partitions }, (_, partition) => ({ topic, partition }));
}

/** By topic, then by number: the page after a partition, written as `topic/number`. */
export function pageOfPartitions(
  partitions: readonly TopicAndPartition[],
  after: string | undefined,
  limit: number,
): { partitions: TopicAndPartition[]; next: string | undefined } {
  const [lastName, lastNumber] = after?.split('/') ?? [];
  const isAfter = ({ topic: { name }, partition }: TopicAndPartition): boolean =>
    lastName === undefined || name > lastName || (name === lastName && partition > Number(lastNumber));
  const rest = partitions.filter(isAfter).toSorted(byTopicAndNumber);
  const page = rest.slice(0, limit);
  const { topic, partition } = page.at(-1) ?? {};
  return { partitions: page, next: rest.length > limit ? `${topic!.name}/${partition}` : undefined };
}

function byTopicAndNumber(a: TopicAndPartition, b: TopicAndPartition): number {
  if (a.topic.name === b.topic.name) return a.partition - b.partition;
  return a.topic.name < b.topic.name ? -1 : 1;
}

export async function readGroupOffsets(
  env: Env,
  group: string,
  partitions: readonly TopicAndPartition[],
): Promise<GroupOffsetReply[] | Failure> {
  const replies = await inBatches(partitions, async ({ topic, partition }) => {
    const view = await offsetViewOf(env, group, topic, partition);
    return isFailure(view) ? view : offsetReply(topic, partition, view);
  });
  const isReplaced = (reply: GroupOffsetReply | Failure): boolean =>
    isFailure(reply) && reply.code === 'inconsistent_topic_id';
  const left = replies.filter((reply) => !isReplaced(reply)); // of a topic that is gone nothing is committed
  const failed = left.find((reply) => isFailure(reply));
  return failed ?? (left as GroupOffsetReply[]);
}

async function offsetViewOf(
  env: Env,
  group: string,
  topic: TopicDefinition,
  partition: number,
): Promise<GroupOffsetView | Failure> {
  return await callPartition<GroupOffsetView>(
    env,
    topic,
    partition,
    async (stub, version) => await stub.groupOffset(version, group),
    { isPinned: true },
  );
}

/**
 * Commits each offset in its partition. A partition that does not know the member is told by the group, once, that it owns
 * it: later commits are one call each.
 * @param transaction they take effect with it; null: at once
 * @param isUnclaimed with a transaction and without a member: also if the group is a classic one and has members
 */
export async function commitOffsets(
  env: Env,
  path: GroupPath,
  atLeast: number,
  fields: CommitFields,
  transaction: OffsetTransaction | null = null,
  isUnclaimed = false,
): Promise<Committed | Failure> {
  const items = new Map(fields.offsets.map((item) => [`${item.topic}/${item.partition}`, item]));
  const topics = new Map<OffsetItem, TopicDefinition | Failure>();
  await inBatches([...items.values()], async (item) => {
    topics.set(item, await topicNamedBy(env, path.namespace, atLeast, item));
  });
  const claim = await claimOf(env, path, fields, topics, isUnclaimed);
  if (isFailure(claim)) return claim;
  const committed: IdentifiedOffset[] = [];
  const refused: (NamedOffset & { code: string; detail: string })[] = [];
  let first: Failure | null = null;
  await inBatches([...items.values()], async (item) => {
    const { topic, partition, offset } = item;
    const known = topics.get(item)!;
    const { allow_past_end: allowPastEnd, allow_pending: allowPending } = fields;
    const result = isFailure(known)
      ? known
      : await commitOne(env, path, claim, known, item, { transaction, allowPastEnd, allowPending });
    if (!isFailure(result)) {
      committed.push({ topic, topic_id: result.topicId, partition, offset });
      return;
    }
    first ??= result;
    const named = item.topic_id === undefined ? {} : { topic_id: item.topic_id };
    refused.push({ topic, ...named, partition, offset, code: result.code, detail: result.message });
  });
  if (first === null) return { offsets: committed };
  const { code, message, details } = first as Failure;
  return failure(code, message, { ...details, committed, refused });
}

type OffsetItem = CommitFields['offsets'][number];

/** The topic that an offset is of, if it has such a partition. */
async function topicNamedBy(
  env: Env,
  namespace: string,
  atLeast: number,
  { topic, topic_id: topicId, partition }: OffsetItem,
): Promise<TopicDefinition | Failure> {
  const found = await lookUpTopic(env, namespace, topic, atLeast);
  if (isFailure(found)) return found;
  const named = await topicOfId(env, found.topic, topicId, partition);
  if (isFailure(named)) return named;
  const known = await topicWith(env, named, [partition]);
  return isFailure(known) ? known : (checkPartition(known, partition) ?? known);
}

/**
 * Who commits. A member whose partitions the broker assigns is known to the partitions, or they ask the group. All others are admitted by
 * the group at each commit, and are one and the same to the partitions.
 * A group is made only for an offset that can be committed.
 */
async function claimOf(
  env: Env,
  { namespace, name }: GroupPath,
  fields: CommitFields,
  topics: ReadonlyMap<OffsetItem, TopicDefinition | Failure>,
  isUnclaimed: boolean,
): Promise<Claim | Failure> {
  const { member_id: memberId, epoch, generation, instance_id: instanceId } = fields;
  if (memberId !== undefined && epoch !== undefined) return { memberId, epoch, isOwner: false };
  const found = [...topics].flatMap(([item, topic]) => (isFailure(topic) ? [] : [{ item, topic }]));
  // Nothing can be committed: each offset is refused by itself.
  if (found.length === 0) return { memberId: '', epoch: 1, isOwner: true };
  const nobody = isUnclaimed ? 'anybody' : null;
  const claim =
    memberId === undefined ? nobody : { memberId, instanceId: instanceId ?? null, generation: generation! };
  const refs = Object.fromEntries(found.map(({ topic }) => [topic.name, topicRef(topic)]));
  const admit = (mayMake: boolean): Promise<{ epoch: number; isAssigned?: true } | Failure> =>
    callGroup(env, namespace, name, 'admitCommit', namespace, name, claim, refs, mayMake);
  let admitted = await admit(false);
  if (!isFailure(admitted) && admitted.epoch === 0) {
    const refusals = await inBatches(found, ({ item, topic }) =>
      refusalOfFirst(env, name, item, topic, fields),
    );
    const refusal = refusals[0] ?? null;
    if (refusal !== null && !refusals.includes(null)) return refusal;
    admitted = await admit(true);
  }
  if (isFailure(admitted)) return admitted;
  if (admitted.isAssigned) return { memberId: memberId!, epoch: admitted.epoch, isOwner: false };
  return { memberId: '', epoch: admitted.epoch, isOwner: true };
}

/** Why the first offset of a group cannot be committed; null if it can. */
async function refusalOfFirst(
  env: Env,
  group: string,
  { partition, offset }: OffsetItem,
  topic: TopicDefinition,
  { allow_past_end: allowPastEnd }: CommitFields,
): Promise<Failure | null> {
  const view = await offsetViewOf(env, group, topic, partition);
  if (isFailure(view)) return view;
  return allowPastEnd ? null : checkWithin(offset, view.highWatermark);
}

/** @param known the topic of the offset */
async function commitOne(
  env: Env,
  { namespace, name }: GroupPath,
  { memberId, epoch, isOwner }: Claim,
  known: TopicDefinition,
  { topic: topicName, topic_id: topicId, partition, offset, ...item }: OffsetItem,
  how: Pick<OffsetCommit, 'transaction' | 'allowPastEnd' | 'allowPending'>,
): Promise<{ topicId: number } | Failure> {
  // If the offset does not say which topic it is of, the one that answers first is meant.
  let answering = known;
  const commit = (request: OffsetCommit): Promise<{ committed: number } | AskGroup | Failure> =>
    callPartition<{ committed: number } | AskGroup | Failure>(
      env,
      answering,
      partition,
      async (stub, version, current) => {
        answering = current;
        return await stub.commitOffset(version, request);
      },
      { isPinned: topicId !== undefined || request.isOwner },
    );
  const request: OffsetCommit = {
    group: name,
    memberId,
    epoch,
    isOwner,
    offset,
    metadata: item.metadata ?? '',
    leaderEpoch: item.leader_epoch ?? null,
    ...how,
  };
  const result = await commit(request);
  if (isOwner)
    return isAskGroup(result)
      ? notOwned(topicName, partition)
      : isFailure(result)
        ? result
        : { topicId: answering.id };
  // Also the refusal: that the member is gone the group says, and what to do then.
  if (!isAskGroup(result) && !(isFailure(result) && result.code === 'partition_not_owned')) {
    return isFailure(result) ? result : { topicId: answering.id };
  }
  const owned = await callGroup(env, namespace, name, 'ownerships', memberId, epoch, [
    { topic: topicName, partition },
  ]);
  if (isFailure(owned)) return owned;
  const ownership = owned.owned[0] ?? null;
  if (ownership === null) return notOwned(topicName, partition);
  if (ownership.topicId !== answering.id) {
    // The member owns a partition of the topic that was deleted, until it is told of the new one.
    await refreshTopics(env, namespace);
    return replacedTopic(answering, partition);
  }
  const { since } = ownership;
  if (since > epoch) {
    return failure('stale_epoch', `the partition was assigned in epoch ${since}; heartbeat, then continue`, {
      epoch: since,
    });
  }
  const second = await commit({ ...request, epoch: since, isOwner: true });
  if (isAskGroup(second)) return notOwned(topicName, partition);
  return isFailure(second) ? second : { topicId: answering.id };
}

/** Resets offsets of a group without members, or sets those of a group that does not exist yet, which makes it. */
export async function resetOffsets(
  env: Env,
  { namespace, name }: GroupPath,
  found: TopicDefinition,
  fields: ResetFields,
): Promise<ResetReply | Failure> {
  const named = await topicOfId(env, found, fields.topic_id);
  if (isFailure(named)) return named;
  const topic = await topicWith(env, named, fields.partitions ?? []);
  if (isFailure(topic)) return topic;
  const numbers = fields.partitions ?? partitionsOfTopic(topic).map(({ partition }) => partition);
  for (const partition of numbers) {
    const missing = checkPartition(topic, partition);
    if (missing) return missing;
  }
  const touched = { [topic.name]: topicRef(topic) };
  const begun = await callGroup(env, namespace, name, 'beginReset', namespace, name, touched, fields.dry_run);
  if (isFailure(begun)) return begun;
  const request: GroupReset = {
    group: name,
    epoch: begun.epoch,
    to: resetTarget(fields),
    isDryRun: fields.dry_run,
  };
  const results = await inBatches([...new Set(numbers)], async (partition) => {
    const result = await callPartition<{ from: number | null; to: number | null } | Failure>(
      env,
      topic,
      partition,
      async (stub, version) => await stub.resetOffset(version, request),
      { isPinned: true },
    );
    return isFailure(result) ? result : { topic: topic.name, topic_id: topic.id, partition, ...result };
  });
  const failed = results.find((result) => isFailure(result));
  return failed ?? { dry_run: fields.dry_run, offsets: results as ResetReply['offsets'] };
}

export function notOwned(topic: string, partition: number): Failure {
  return failure(
    'partition_not_owned',
    `partition ${partition} of topic "${topic}" is not assigned to this member; heartbeat to learn what is`,
  );
}

function resetTarget({ to, shift_by: shiftBy }: ResetFields): GroupReset['to'] {
  return to === undefined ? { shiftBy: shiftBy! } : resetPosition(to);
}

function offsetReply(topic: TopicDefinition, partition: number, view: GroupOffsetView): GroupOffsetReply {
  return {
    topic: topic.name,
    topic_id: topic.id,
    partition,
    offset: view.offset,
    ...(view.metadata !== '' && { metadata: view.metadata }),
    ...(view.leaderEpoch !== null && { leader_epoch: view.leaderEpoch }),
    ...(view.isPending && { pending: true as const }),
    lag: view.lag,
    log_start_offset: view.logStartOffset,
    high_watermark: view.highWatermark,
  };
}
