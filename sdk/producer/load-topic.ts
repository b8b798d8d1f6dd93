/** Loading a topic: looks up what a producer needs to know of it. */

import { withRetries, type RetryLimits, type RetryPolicy } from '../client/http/retry.ts';
import { asPosthornError, type PosthornError } from '../errors.ts';
import type { Topics } from '../admin/topics.ts';
import type { TopicAccumulator } from './topic-accumulator.ts';

/** @returns null, or why the metadata could not be had; then what was known before stays */
export async function loadTopic(
  lines: TopicAccumulator,
  topics: Topics,
  policy: RetryPolicy,
  limits: RetryLimits,
): Promise<PosthornError | null> {
  try {
    lines.topic = await withRetries(policy, limits, () => topics.get(lines.name, { signal: limits.signal }));
    lines.loadedAtMs = performance.now();
    return null;
  } catch (error) {
    return asPosthornError(error);
  } finally {
    lines.loading = null;
  }
}
