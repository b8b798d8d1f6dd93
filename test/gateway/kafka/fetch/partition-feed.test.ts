/** Partition feed: which polls it begins while a client asks for what is not stable yet. */

import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PartitionFeed, type FeedHost } from '../../../../gateway/kafka/fetch/partition-feed.ts';

type Polled = {
  seen: number | undefined;
  signal: AbortSignal;
  end: (highWatermark: number) => Promise<void>;
};

function feedWithPolls(): { feed: PartitionFeed; polls: Polled[] } {
  const polls: Polled[] = [];
  const read: FeedHost['read'] = (offset, { seenHighWatermark: seen }, signal) => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<FeedHost['read']>>>();
    const end = async (highWatermark: number): Promise<void> => {
      const ends = { highWatermark, lastStableOffset: 0, logStartOffset: 0 };
      resolve({ startOffset: offset, nextOffset: offset, ...ends, records: new Uint8Array() });
      await setImmediate();
    };
    polls.push({ seen, signal, end });
    return promise;
  };
  const failureOf = (): never => expect.fail('nothing fails');
  return {
    feed: new PartitionFeed({ read, failureOf, mayReadAhead: () => true, changed: () => {} }),
    polls,
  };
}

it.each([
  ['once', 1],
  ['twice', 2],
])('polls twice in half a second while only what is not stable grows, asked %s a poll', async (_, times) => {
  const { feed, polls } = feedWithPolls();
  const look = (nowMs: number): unknown => {
    let looked: unknown;
    for (let nth = 0; nth < times; nth++) looked = feed.look(0, 100, nowMs);
    return looked;
  };
  expect(look(0)).toBeNull();
  await polls[0]!.end(1);
  expect(look(1)).toMatchObject({ ends: { highWatermark: 1 } });
  await polls[1]!.end(2);
  expect(look(2)).toMatchObject({ ends: { highWatermark: 2, lastStableOffset: 0 } });
  look(499);
  expect(polls.map(({ seen }) => seen)).toEqual([undefined, 1, undefined]);
  look(501);
  expect(polls.map(({ seen }) => seen)).toEqual([undefined, 1, undefined, 2]);
  expect(polls.map(({ signal }) => signal.aborted)).toEqual([false, false, true, false]);
  await polls[2]!.end(9);
  expect(look(502)).toMatchObject({ ends: { highWatermark: 2 } });
});

it('keeps one poll while nothing happens', async () => {
  const { feed, polls } = feedWithPolls();
  feed.look(0, 100, 0);
  await polls[0]!.end(0);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 500) feed.look(0, 100, nowMs);
  expect(polls.map(({ seen }) => seen)).toEqual([undefined, 0]);
});
