/** OffsetDelete: makes a group without members forget what it has committed. */

import { asPosthornError } from '../../../../sdk/errors.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf } from '../../broker/broker-errors.ts';
import type { Handler, Session } from '../../session.ts';
import { checkGroup, groupFailure } from '../groups.ts';

interface OffsetDeleteRequest {
  groupId: string;
  topics: { name: string; partitions: { partitionIndex: number }[] }[];
}

export const offsetDelete: Handler<OffsetDeleteRequest> = async (session, { groupId, topics }) => {
  try {
    checkGroup(groupId);
    // A reset would make the group.
    await session.client.groups.describe(groupId);
  } catch (error) {
    return { errorCode: groupFailure(error).errorCode, topics: [] };
  }
  return {
    errorCode: ERRORS.NONE,
    topics: await Promise.all(
      topics.map(async ({ name, partitions }) => {
        const numbers = partitions.map(({ partitionIndex }) => partitionIndex);
        const errorCode = numbers.length === 0 ? ERRORS.NONE : await forget(session, groupId, name, numbers);
        return { name, partitions: numbers.map((partitionIndex) => ({ partitionIndex, errorCode })) };
      }),
    ),
  };
};

async function forget(
  { client }: Session,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<number> {
  try {
    await client.groups.reset(group, { topic, partitions, to: 'none' });
    return ERRORS.NONE;
  } catch (error) {
    const isBusy = asPosthornError(error).code === 'group_not_empty';
    return isBusy ? ERRORS.GROUP_SUBSCRIBED_TO_TOPIC : failureOf(error, 'topic').errorCode;
  }
}
