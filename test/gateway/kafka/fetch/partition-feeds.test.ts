/** Partition feeds: who waits for them. */

import { queryObjects } from 'node:v8';
import { expect, it } from 'vitest';
import type { BrokerClient } from '../../../../gateway/kafka/broker/broker-client.ts';
import { PartitionFeeds } from '../../../../gateway/kafka/fetch/partition-feeds.ts';

const feedsOfNobody = (): PartitionFeeds => new PartitionFeeds({} as BrokerClient);

it('wait no longer than they are told to, and end with the connection', async () => {
  const feeds = feedsOfNobody();
  await feeds.change(1);
  const waits = feeds.change(60_000);
  feeds.end();
  await waits;
});

it('keep nothing of waits in which nothing was new', async () => {
  const feeds = feedsOfNobody();
  await feeds.change(1);
  const before = queryObjects(Promise, { format: 'count' });
  for (let nth = 0; nth < 200; nth++) await feeds.change(1);
  expect(queryObjects(Promise, { format: 'count' }) - before).toBeLessThan(100);
  feeds.end();
});
