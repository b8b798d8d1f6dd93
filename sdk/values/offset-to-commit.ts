/** Offset that a member commits: what an application names, and how it goes over the wire. */

/**
 * The owner of a partition in a group. The broker accepts commits that name it until the partition belongs to another
 * member.
 */
export interface GroupOwner {
  group: string;
  memberId: string;
  /** The group's epoch when the member learned that the partition is its own. */
  epoch: number;
}

/** An offset to be committed: that of the next record to read. */
export interface OffsetToCommit {
  topic: string;
  partition: number;
  offset: number;
  /** The topic that it belongs to, as `record.position` has it: refused where that was made again since. */
  topicId?: number;
  /** At most 4,096 bytes, kept with the offset. */
  metadata?: string;
}

/** @internal */
export function wireCommit({ topicId, ...offset }: OffsetToCommit): Omit<OffsetToCommit, 'topicId'> & {
  topic_id?: number;
} {
  return topicId === undefined ? offset : { ...offset, topic_id: topicId };
}
