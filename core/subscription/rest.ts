/**
 * Rest of a subscription of a topic: it has nothing to do until one of its partitions grows. It tells the overview where they ended,
 * and the overview knows where they end now. As long as both are alike nobody has to look whether an alarm was lost.
 */

import { murmur2 } from '../../protocol/murmur2.ts';

/** A subscription that may be at rest. */
export interface RestingPlace {
  readonly subscription: string;
  readonly id: number;
  readonly topicId: number;
  readonly partitions: number;
}

const encoder = new TextEncoder();

/** Returns where the partitions of a topic end, in short. @param ends by partition; undefined: nobody knows */
export function endsText(topicId: number, ends: readonly (number | undefined)[]): string | null {
  if (ends.includes(undefined)) return null;
  return `${topicId}-${(murmur2(encoder.encode(ends.join())) >>> 0).toString(36)}`;
}
