/** Assignors: the ways in which partitions are given to the members of a group. */

export const ASSIGNORS = ['range', 'round-robin', 'sticky-cooperative'] as const;
export type AssignorName = (typeof ASSIGNORS)[number];
