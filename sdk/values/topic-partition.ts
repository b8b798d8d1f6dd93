/** Partition of a topic, and an offset in it, as applications name them. */

export interface TopicPartition {
  topic: string;
  partition: number;
}

export interface PartitionOffset extends TopicPartition {
  offset: number;
}
