/** Offset that a member commits: what an application names, and how it goes over the wire. */

import type { NamedOffset, PartitionOffset } from '../../protocol/schemas/groups.ts';

/** An offset to be committed: that of the next record to read. */
export interface OffsetToCommit extends PartitionOffset {
  /** The topic that it belongs to, as `record.position` has it: refused where that was made again since. */
  topicId?: number;
  /** At most 4,096 bytes, kept with the offset. */
  metadata?: string;
}

export function wireCommit({ topicId, ...offset }: OffsetToCommit): NamedOffset & { metadata?: string } {
  return topicId === undefined ? offset : { ...offset, topic_id: topicId };
}
