/** Types of topics. `protocol/schemas/topics.ts` has the limits; a test compares the two. */

/** Fields that can change after the topic was made. */
export interface ChangeableTopicFields {
  /** 1 to 1,000; can grow, never shrink. Default 1. */
  partitions: number;
  /** Records older than this are removed, in ms; null keeps them for ever. Default 7 days. */
  retentionMs: number | null;
  /** Each partition is held to about this size, in bytes; null sets no limit. Default null. */
  retentionBytes: number | null;
  /**
   * What each partition keeps in its object, in bytes. Older records move to the bucket of the broker, if it has one and the topic is
   * neither compacted nor bound to a jurisdiction; null: none move. At most 8 GB; default 1 GB.
   */
  hotBytes: number | null;
  /** `delete`: by retention. `compact`: the latest record of each key stays. Default `delete`. */
  cleanupPolicy: 'delete' | 'compact' | 'compact,delete';
  /** How long compaction keeps a tombstone, in ms. Default one day. */
  deleteRetentionMs: number;
  /** Compaction begins when this share of the bytes, 0 to 1, has not been compacted yet. Default 0.5. */
  minCleanableDirtyRatio: number;
  /** `create`: the producer says when. `append`: the partition says when it stored the record. Default `create`. */
  timestampType: 'create' | 'append';
  /** The largest record batch that the topic takes, in bytes: 1 KiB to 1 MiB. Default 1 MiB. */
  maxBatchBytes: number;
}

/** Fields that decide where the data lives, fixed when the topic is made. */
export interface FixedTopicFields {
  /** The region to place the partitions in, if it can be; null leaves it to the platform. Default null. */
  locationHint: 'wnam' | 'enam' | 'sam' | 'weur' | 'eeur' | 'apac' | 'oc' | 'afr' | 'me' | null;
  /** The jurisdiction that the partitions must not leave. Default null. */
  jurisdiction: 'eu' | 'fedramp' | null;
}

export type TopicDeclaration = Partial<ChangeableTopicFields & FixedTopicFields>;
export type TopicChange = Partial<ChangeableTopicFields>;

export interface Topic extends ChangeableTopicFields, FixedTopicFields {
  /** Its name. */
  topic: string;
  /** Another one when the topic is deleted and made again under its name: positions belong to a topic by its id. */
  topicId: number;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

export interface RecordsDeleted {
  topic: string;
  topicId: number;
  partition: number;
  /** The first offset that can be read. */
  logStartOffset: number;
  /** The offset that the next record will get. */
  highWatermark: number;
}

export interface PartitionState extends RecordsDeleted {
  /** Below it every transaction has ended. */
  lastStableOffset: number;
  /** Idempotent producers that it remembers. */
  producers: number;
  /** Bytes of record batches stored. */
  sizeBytes: number;
  /** Those of them that are in the bucket. */
  coldBytes: number;
  /** Rows that hold the others. */
  segments: number;
  /** What the object occupies on disk, in bytes. */
  storageBytes: number;
  /** Readers that wait for the next record. */
  waiting: number;
  /** Stored batches that reads have found damaged (their CRC does not match) since the object woke. */
  damagedBatches: number;
  /** What the object has read and written since it woke: the rows that the platform bills. */
  meter: {
    rowsWritten: number;
    rowsRead: number;
    /** Produce requests stored. */
    appends: number;
    /** Commits that stored them; fewer than appends under load. */
    commits: number;
    /** When this count began, in ms since 1970: the object starts anew after it was idle. */
    since: number;
  };
}
