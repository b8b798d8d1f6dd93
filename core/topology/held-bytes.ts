/** Held bytes: whether a partition can hold as much as the retention of its topic asks for. */

import { failure, type Failure } from '../../protocol/errors.ts';
import type { TopicConfig } from '../../protocol/schemas/topics.ts';
import { hotBytesOf } from '../log/tier/sealing.ts';

/** What the broker has. */
export interface Capacity {
  /** Bytes that one object holds. */
  objectBytesMax: number;
  hasBucket: boolean;
}

/** Returns why a retention by size cannot be kept; null if it can. */
export function checkHeldBytes(config: TopicConfig, { objectBytesMax, hasBucket }: Capacity): Failure | null {
  const { retention_bytes: bytes } = config;
  if (bytes === null || bytes <= objectBytesMax || config.cleanup_policy === 'compact') return null;
  const details = { bytes_max: objectBytesMax };
  const held = `an object holds ${objectBytesMax} bytes of a partition, and retention_bytes is ${bytes}`;
  if (!hasBucket)
    return failure(
      'retention_unavailable',
      `${held}. With a bucket the rest moves there: bind one as OBJECTS (docs/endless-retention.md), or use more partitions`,
      details,
    );
  if (hotBytesOf(config) !== null) return null;
  return failure(
    'retention_unavailable',
    `${held}. The rest moves to the bucket only for a topic with hot_bytes, the cleanup_policy "delete" and no jurisdiction`,
    details,
  );
}
