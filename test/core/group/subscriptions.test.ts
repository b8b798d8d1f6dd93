import { describe, expect, it } from 'vitest';
import { subscribedTopics, topicRef } from '../../../core/group/subscriptions.ts';
import { declareTopic, type TopicDefinition } from '../../../core/topology/topics.ts';
import { isFailure } from '../../../protocol/errors.ts';

const topic = (name: string): TopicDefinition => {
  const declared = declareTopic(null, 'default', name, { partitions: 3, location_hint: 'weur' }, 7);
  if (isFailure(declared)) throw new Error(declared.message);
  return declared.definition;
};
const TOPICS = ['orders', 'orders-eu', 'payments'].map(topic);

describe('a subscription', () => {
  it.each([
    [['orders'], null, 'orders'],
    [['orders', 'missing'], null, 'orders'],
    [[], 'orders*', 'orders orders-eu'],
    [['payments'], 'orders-*', 'orders-eu payments'],
    [['orders'], 'orders', 'orders'],
    [[], 'x*', ''],
    [[], null, ''],
  ])('to %j and the pattern %s reads "%s"', (topics, pattern, expected) => {
    const read = subscribedTopics({ topics, pattern }, TOPICS).map(({ name }) => name);
    expect(read.join(' ')).toBe(expected);
  });

  it('keeps of a topic what is needed to reach its partitions', () => {
    expect(topicRef(TOPICS[0]!)).toEqual({ id: 7, partitions: 3, jurisdiction: null, locationHint: 'weur' });
  });
});
