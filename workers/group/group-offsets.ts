/** The offsets of a group, which its partitions keep: committing, reading and resetting them. */

import { own, type GroupState, type TopicRef } from '../../core/group/group-state.ts';
import type { OffsetTransaction } from '../../core/group/transactional-offset.ts';
import { topicRef } from '../../core/group/subscriptions.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { callGroup } from '../../durable-objects/group/group-calls.ts';
import {
  isAskGroup,
  type AskGroup,
  type GroupCommit,
  type GroupOffsetView,
  type GroupReset,
} from '../../durable-objects/partition/partition-calls.ts';
import type { Env } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type {
  Committed,
  CommitFields,
  GroupOffsetReply,
  PartitionOffset,
  ResetFields,
  ResetReply,
} from '../../protocol/groups.ts';
import type { GroupPath } from '../assign/assign.ts';
import { callPartition, checkPartition, topicWith } from '../partition-call.ts';
import { lookUpTopic } from '../topology-cache.ts';
import { inBatches } from './in-batches.ts';

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

export async function readGroupOffsets(
  env: Env,
  group: string,
  partitions: readonly TopicAndPartition[],
): Promise<GroupOffsetReply[] | Failure> {
  const replies = await inBatches(partitions, async ({ topic, partition }) => {
    const view = await callPartition<GroupOffsetView>(
      env,
      topic,
      partition,
      async (stub, version) => await stub.groupOffset(version, group),
    );
    return isFailure(view) ? view : offsetReply(topic.name, partition, view);
  });
  const failed = replies.find((reply) => isFailure(reply));
  return failed ?? (replies as GroupOffsetReply[]);
}

/**
 * Commits each offset in its partition. A partition that does not know the member is told by the group, once, that it owns
 * it: later commits are one call each.
 * @param transaction they take effect with it; null: at once
 */
export async function commitOffsets(
  env: Env,
  path: GroupPath,
  atLeast: number,
  fields: CommitFields,
  transaction: OffsetTransaction | null = null,
): Promise<Committed | Failure> {
  const items = new Map(fields.offsets.map((item) => [`${item.topic}/${item.partition}`, item]));
  const committed: PartitionOffset[] = [];
  const refused: (PartitionOffset & { code: string; detail: string })[] = [];
  let first: Failure | null = null;
  await inBatches([...items.values()], async (item) => {
    const { topic, partition, offset } = item;
    const result = await commitOne(env, path, atLeast, fields, item, transaction);
    if (!isFailure(result)) {
      committed.push({ topic, partition, offset });
      return;
    }
    first ??= result;
    refused.push({ topic, partition, offset, code: result.code, detail: result.message });
  });
  if (first === null) return { offsets: committed };
  const { code, message, details } = first as Failure;
  return failure(code, message, { ...details, committed, refused });
}

async function commitOne(
  env: Env,
  { namespace, name }: GroupPath,
  atLeast: number,
  { member_id: memberId, epoch }: CommitFields,
  { topic: topicName, partition, offset, metadata = '' }: CommitFields['offsets'][number],
  transaction: OffsetTransaction | null,
): Promise<{ committed: number } | Failure> {
  const found = await lookUpTopic(env, namespace, topicName, atLeast);
  if (isFailure(found)) return found;
  const known = await topicWith(env, found.topic, [partition]);
  if (isFailure(known)) return known;
  const missing = checkPartition(known, partition);
  if (missing) return missing;
  const commit = (request: GroupCommit): Promise<{ committed: number } | AskGroup | Failure> =>
    callPartition<{ committed: number } | AskGroup | Failure>(
      env,
      known,
      partition,
      async (stub, version) => await stub.commitOffset(version, request),
    );
  const request: GroupCommit = {
    group: name,
    memberId,
    epoch,
    isOwner: false,
    offset,
    metadata,
    transaction,
  };
  const result = await commit(request);
  // Also the refusal: that the member is gone the group says, and what to do then.
  if (!isAskGroup(result) && !(isFailure(result) && result.code === 'partition_not_owned')) return result;
  const owned = await callGroup(env, namespace, name, 'ownerships', memberId, epoch, [
    { topic: topicName, partition },
  ]);
  if (isFailure(owned)) return owned;
  const since = owned.since[0] ?? null;
  if (since === null) return notOwned(topicName, partition);
  if (since > epoch) {
    return failure('stale_epoch', `the partition was assigned in epoch ${since}; heartbeat, then go on`, {
      epoch: since,
    });
  }
  const second = await commit({ ...request, epoch: since, isOwner: true });
  return isAskGroup(second) ? notOwned(topicName, partition) : second;
}

/** Resets offsets of a group without members. */
export async function resetOffsets(
  env: Env,
  { namespace, name }: GroupPath,
  found: TopicDefinition,
  fields: ResetFields,
): Promise<ResetReply | Failure> {
  const topic = await topicWith(env, found, fields.partitions ?? []);
  if (isFailure(topic)) return topic;
  const numbers = fields.partitions ?? partitionsOfTopic(topic).map(({ partition }) => partition);
  for (const partition of numbers) {
    const missing = checkPartition(topic, partition);
    if (missing) return missing;
  }
  const touched = { [topic.name]: topicRef(topic) };
  const begun = await callGroup(env, namespace, name, 'beginChange', touched, fields.dry_run);
  if (isFailure(begun)) return begun;
  const request: GroupReset = {
    group: name,
    epoch: begun.epoch,
    to: resetTarget(fields),
    isDryRun: fields.dry_run,
  };
  const results = await inBatches([...new Set(numbers)], async (partition) => {
    const result = await callPartition<{ from: number | null; to: number } | Failure>(
      env,
      topic,
      partition,
      async (stub, version) => await stub.resetOffset(version, request),
    );
    return isFailure(result) ? result : { topic: topic.name, partition, ...result };
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
  if (to === undefined) return { shiftBy: shiftBy! };
  if (typeof to === 'number' || to === 'earliest' || to === 'latest') return to;
  return { timestampMs: Number(to.slice(1)) };
}

function offsetReply(topic: string, partition: number, view: GroupOffsetView): GroupOffsetReply {
  return {
    topic,
    partition,
    offset: view.offset,
    ...(view.metadata !== '' && { metadata: view.metadata }),
    ...(view.isPending && { pending: true as const }),
    lag: view.lag,
    log_start_offset: view.logStartOffset,
    high_watermark: view.highWatermark,
  };
}
