/** Partition that a member of a group was assigned. */

import type { TopicPartition } from './topic-partition.ts';

/** A partition of a topic, which is another one when it is deleted and made again under its name. */
export interface AssignedPartition extends TopicPartition {
  topicId: number;
}
