/**
 * Consumer members: the request of a member that keeps its own place in a group, as Kafka's newer group protocol says. Most programs want a
 * `GroupConsumer` instead.
 */

import type { AssignorName } from '../../protocol/assignors.ts';
import type { AssignedPartition } from '../values/assigned-partition.ts';
import type { TopicPartition } from '../values/topic-partition.ts';

export interface ConsumerMember {
  /** An id that the member has made itself and that no other has. */
  memberId: string;
  /**
   * The epoch of the last reply. 0: the member joins, or begins anew under its id. -1: it leaves. -2: its instance stops for now, and keeps
   * its partitions for the session timeout.
   */
  epoch: number;
  /** Of a static member. */
  instanceId?: string | undefined;
  /** Left out: as before. */
  topics?: readonly string[] | undefined;
  topicPattern?: string | undefined;
  assignor?: AssignorName | undefined;
  rack?: string | undefined;
  /** A member that is silent for so many ms is removed. Default 45,000. */
  sessionTimeoutMs?: number | undefined;
  /** A member that holds a revoked partition for so many ms is removed. */
  rebalanceTimeoutMs?: number | undefined;
  /** The partitions that it works on. Left out: those that it has named last. */
  partitions?: readonly (TopicPartition & { topicId?: number })[] | undefined;
  clientId?: string | undefined;
  clientHost?: string | undefined;
}

export interface ConsumerMemberReply {
  memberId: string;
  epoch: number;
  /** The partitions to read now. Not to a member that leaves. */
  assignment?: AssignedPartition[];
  heartbeatIntervalMs?: number;
}
