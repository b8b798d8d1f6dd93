/** Positions of a subscription in its topic: shows them, and moves them. */

import { sizeOf } from '../../../core/queue/state/ranges.ts';
import { endsText } from '../../../core/subscription/rest.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import {
  POSITIONS_MAX,
  type SubscriptionSeek,
  type SubscriptionSought,
  type SubscriptionState,
} from '../../../protocol/schemas/subscriptions.ts';
import { resolveAll } from './start-positions.ts';
import type { TopicBacklog } from './topic-backlog.ts';

type TopicState = Pick<SubscriptionState, 'lag' | 'positions' | 'dead_letters_waiting'>;

/**
 * Asks the partitions where they end.
 *
 * @returns `restsAt`: where that is, if everything before is done and stored; else null
 */
export async function topicStateOf(
  topic: TopicBacklog,
): Promise<{ state: TopicState; restsAt: string | null }> {
  const { reader, lanes, store } = topic;
  const unknown = (): TopicState => ({ lag: null, dead_letters_waiting: store.countLetters() });
  if (reader === null || store.topicId() !== reader.topic.id) return { state: unknown(), restsAt: null };
  const partitions = [...Array(reader.topic.config.partitions).keys()];
  const ends = await resolveAll(reader, 'latest', partitions).catch(() => null);
  if (ends === null) return { state: unknown(), restsAt: null };
  const positions = [...ends].map(([partition, end]) => {
    const { position, settled = [] } = lanes.storedOf(partition);
    const lag = Math.max(0, end - position - sizeOf(settled));
    return { partition, offset: position, end_offset: end, lag };
  });
  const lag = positions.reduce((sum, one) => sum + one.lag, 0);
  const waiting = store.countLetters();
  const isDone = lag === 0 && waiting === 0 && topic.isStored && reader === topic.reader;
  return {
    state: { lag, positions: positions.slice(0, POSITIONS_MAX), dead_letters_waiting: waiting },
    restsAt: isDone ? endsText(reader.topic.id, [...ends.values()]) : null,
  };
}

export async function seekIn(
  topic: TopicBacklog,
  name: string,
  { to, partitions }: SubscriptionSeek,
): Promise<SubscriptionSought['offsets'] | Failure> {
  const { reader } = topic;
  if (reader === null)
    return failure(
      'invalid_field',
      `subscription "${name}" has a queue as its source, which has no positions`,
    );
  const { partitions: count } = reader.topic.config;
  const meant = [...new Set(partitions ?? Array(count).keys())];
  const missing = meant.find((partition) => partition >= count);
  if (missing !== undefined)
    return failure('partition_not_found', `topic "${reader.topic.name}" has no partition ${missing}`, {
      partitions: count,
    });
  const positions = await resolveAll(reader, to, meant);
  if (positions === null || reader !== topic.reader)
    return failure('topic_not_found', `the topic of subscription "${name}" was deleted`);
  topic.seek(positions);
  return [...positions].map(([partition, offset]) => ({ partition, offset }));
}
