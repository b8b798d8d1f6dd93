/** DescribeShareGroupOffsets: how far share groups are in their partitions. */

import { isName, NAME_RULE } from '../../../../protocol/names/name-rule.ts';
import type { SharePartition } from '../../../../sdk/admin/share-groups.ts';
import { PosthornError } from '../../../../sdk/errors.ts';
import { ZERO_UUID } from '../../../../wire/kafka/codec/codec.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { LEADER_EPOCH, type Handler, type Session } from '../../session.ts';
import { groupFailure } from '../groups.ts';

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
