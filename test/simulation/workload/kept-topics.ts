/** Topics that differ in what they keep, and how they stamp it. Each is there for one promise. */

export const KEPT: Record<string, { partitions: number; declared: object }> = {
  compacted: {
    partitions: 1,
    declared: { cleanup_policy: 'compact', min_cleanable_dirty_ratio: 0.01, delete_retention_ms: 600_000 },
  },
  /** Its tombstones go soon. */
  swept: {
    partitions: 1,
    declared: { cleanup_policy: 'compact', min_cleanable_dirty_ratio: 0.01, delete_retention_ms: 5_000 },
  },
  /** Removes records by time. */
  brief: { partitions: 1, declared: { retention_ms: 20_000 } },
  /** Removes records by size. */
  small: { partitions: 1, declared: { retention_bytes: 65_536 } },
  /** Says itself when records were stored. */
  stamped: { partitions: 1, declared: { timestamp_type: 'append' } },
  /** Partitions are added while it is used: it begins with one. */
  growing: { partitions: 4, declared: { partitions: 1 } },
};

/** Compaction leaves gaps. */
export const isCompacted = (topic: string): boolean => topic === 'compacted' || topic === 'swept';

export const RETENTION_MS = 20_000;
export const RETENTION_BYTES = 65_536;
export const tombstonesMs = (topic: string): number => (topic === 'swept' ? 5_000 : 600_000);
