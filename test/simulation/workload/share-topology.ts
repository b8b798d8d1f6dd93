/** The share groups of the workload, and what they read. */

export const SHARED = {
  topic: 'shared',
  partitions: 2,
  /** Where the first of the groups sends what nobody accepts. */
  deadLetters: 'unsent',
  groups: {
    mailers: { lock_duration_ms: 3_000, delivery_limit: 3, dead_letter: { queue: 'unsent' } },
    /** Its archived records are only counted. */
    counters: { lock_duration_ms: 5_000, delivery_limit: 8, dead_letter: 'none' },
  } as Record<string, { lock_duration_ms: number; delivery_limit: number; dead_letter: object | 'none' }>,
};
