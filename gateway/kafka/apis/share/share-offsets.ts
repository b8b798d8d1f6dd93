/** DescribeShareGroupOffsets, AlterShareGroupOffsets, DeleteShareGroupOffsets: where share groups are in their partitions. */

import { isName, NAME_RULE } from '../../../../protocol/names/name-rule.ts';
import type { SharePartition } from '../../../../sdk/admin/share-groups.ts';
import { asPosthornError, PosthornError } from '../../../../sdk/errors.ts';
import type { StartPosition } from '../../../../sdk/values/start-position.ts';
import { ZERO_UUID } from '../../../../wire/kafka/codec/codec.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf, kafkaFailure, type KafkaFailure } from '../../broker/broker-errors.ts';
import { LEADER_EPOCH, type Handler, type Session } from '../../session.ts';
import { groupFailure } from '../groups.ts';
import { declare, shareFailure } from './share-groups.ts';

interface AskedGroup {
  groupId: string;
  /** Null: all that the group reads. */
  topics: { topicName: string; partitions: number[] }[] | null;
}

export const describeShareGroupOffsets: Handler<{ groups: AskedGroup[] }> = async (session, { groups }) => ({
  groups: await Promise.all(groups.map((asked) => describe(session, asked))),
});

async function describe(session: Session, { groupId, topics: asked }: AskedGroup): Promise<object> {
  const { shareGroups, directory } = session.client;
  try {
    if (!isName(groupId)) throw new PosthornError('invalid_name', `group: expected ${NAME_RULE}`);
    const { partitions } = await shareGroups.describe(groupId);
    const isAsked = ({ topic, partition }: SharePartition): boolean =>
      asked === null ||
      asked.some(({ topicName, partitions: some }) => topicName === topic && some.includes(partition));
    const byTopic = Map.groupBy(partitions.filter(isAsked), ({ topic }) => topic);
    const topics = [...byTopic].map(async ([topicName, some]) => ({
      topicName,
      topicId: (await directory.get(topicName))?.uuid ?? ZERO_UUID,
      partitions: some.map(({ partition: partitionIndex, startOffset, lag }) => ({
        ...{ partitionIndex, startOffset, lag },
        leaderEpoch: LEADER_EPOCH,
        errorCode: ERRORS.NONE,
        errorMessage: null,
      })),
    }));
    return { groupId, topics: await Promise.all(topics), errorCode: ERRORS.NONE, errorMessage: null };
  } catch (error) {
    return { groupId, topics: [], ...groupFailure(error) };
  }
}

interface AlterRequest {
  groupId: string;
  topics: { topicName: string; partitions: { partitionIndex: number; startOffset: number }[] }[];
}

const DONE: { errorCode: number; errorMessage: null } = { errorCode: ERRORS.NONE, errorMessage: null };

export const alterShareGroupOffsets: Handler<AlterRequest> = async (session, { groupId, topics }) => {
  const uuids = new Map<string, string>();
  for (const { topicName } of topics) uuids.set(topicName, await uuidOf(session, topicName));
  const known = [...uuids].filter(([, uuid]) => uuid !== ZERO_UUID).map(([topic]) => topic);
  const refused = await refusal(session, groupId, () => declare(session, groupId, known));
  if (refused) return { ...refused, responses: [] };
  const responses = topics.map(async ({ topicName, partitions }) => ({
    topicName,
    topicId: uuids.get(topicName),
    partitions: await Promise.all(
      partitions.map(async ({ partitionIndex, startOffset }) => ({
        partitionIndex,
        ...(await reset(session, groupId, topicName, Math.max(0, startOffset), [partitionIndex])),
      })),
    ),
  }));
  return { ...DONE, responses: await Promise.all(responses) };
};

interface DeleteRequest {
  groupId: string;
  topics: { topicName: string }[];
}

export const deleteShareGroupOffsets: Handler<DeleteRequest> = async (session, { groupId, topics }) => {
  const refused = await refusal(session, groupId);
  if (refused) return { ...refused, responses: [] };
  const responses = topics.map(async ({ topicName }) => ({
    topicName,
    topicId: await uuidOf(session, topicName),
    ...(await reset(session, groupId, topicName, 'none')),
  }));
  return { ...DONE, responses: await Promise.all(responses) };
};

/**
 * Null: the group is there, and nobody takes part.
 * @param declare makes a group that is not there, and adds topics that it lacks
 */
async function refusal(
  { client, shareMembers }: Session,
  group: string,
  declare?: () => Promise<unknown>,
): Promise<KafkaFailure | null> {
  if (shareMembers.of(client.namespace, group, performance.now()).length > 0)
    return kafkaFailure('NON_EMPTY_GROUP', `group "${group}" has members`);
  try {
    if (!isName(group)) throw new PosthornError('invalid_name', `group: expected ${NAME_RULE}`);
    await (declare ? declare() : client.shareGroups.describe(group));
    return null;
  } catch (error) {
    return shareFailure(error);
  }
}

async function reset(
  { client }: Session,
  group: string,
  topic: string,
  to: StartPosition | 'none',
  partitions?: readonly number[],
): Promise<KafkaFailure | typeof DONE> {
  try {
    await client.shareGroups.reset(group, { topic, to, ...(partitions && { partitions }) });
    return DONE;
  } catch (error) {
    const { code, message } = asPosthornError(error);
    if (code === 'invalid_argument') return kafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', message);
    return failureOf(error, 'group');
  }
}

async function uuidOf({ client }: Session, topic: string): Promise<string> {
  return (await client.directory.get(topic).catch(() => null))?.uuid ?? ZERO_UUID;
}
