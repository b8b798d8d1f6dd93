/** What the runtime does only in the worst moment: a socket that refuses what is sent on it. */

import { describe, expect, it } from 'vitest';
import {
  Consumers,
  type Poll,
  type ReadyMessages,
} from '../../../../durable-objects/queue/deliver/consumers.ts';
import {
  encodeDeliveryFrame,
  tagsOfFrame,
  type DeliveryFrame,
} from '../../../../protocol/frames/delivery-frame.ts';

class FakeSocket {
  readonly readyState = WebSocket.OPEN;
  readonly sent: unknown[] = [];
  #attachment: unknown;

  constructor(poll: Partial<Poll>, sinceMs: number, isLeft: boolean) {
    this.#attachment = {
      max: 1,
      bytesMax: 1,
      consumerId: '',
      ...poll,
      sinceMs,
      turn: sinceMs,
      endedLeases: 0,
      isAnswered: false,
    };
    if (isLeft) this.send = () => this.#fail();
  }

  serializeAttachment(attachment: unknown): void {
    this.#attachment = attachment;
  }
  deserializeAttachment(): unknown {
    return this.#attachment;
  }
  send(data: unknown): void {
    this.sent.push(data);
  }
  close(): void {}

  #fail(): void {
    throw new TypeError("can't send on a socket that is closed");
  }
}

function consumersWith(...sockets: FakeSocket[]): Consumers {
  const ctx = { getWebSockets: () => sockets, getWebSocketAutoResponseTimestamp: () => null };
  return new Consumers(ctx as unknown as DurableObjectState);
}

/** A frame of so many messages. */
const frameOf = (count: number): DeliveryFrame => ({
  queueId: 1,
  sections: [
    { lane: 0, runs: [{ start: 0, end: count, delivery: 1, expiresAtMs: 0 }], batches: new Uint8Array() },
  ],
});

const ONE = frameOf(1);
const serve = (consumers: Consumers): (DeliveryFrame | null)[] =>
  consumers.serve({ ready: () => 2, leasedBy: () => 0, take: () => ONE }).map((send) => send());

/** A queue of so many messages that hands out how many it was asked for. */
class CountingQueue implements ReadyMessages {
  readonly #leased = new Map<string, number>();
  #ready: number;

  constructor(ready: number) {
    this.#ready = ready;
  }

  ready(): number {
    return this.#ready;
  }
  leasedBy(consumerId: string): number {
    return this.#leased.get(consumerId) ?? 0;
  }
  take({ consumerId }: Poll, max: number): DeliveryFrame {
    const count = Math.min(max, this.#ready);
    this.#ready -= count;
    this.#leased.set(consumerId, this.leasedBy(consumerId) + count);
    return frameOf(count);
  }
  publish(count: number): void {
    this.#ready += count;
  }
}

/** How many messages each socket was sent. */
const countsOf = (sockets: FakeSocket[]): number[] =>
  sockets.map(({ sent }) =>
    sent.reduce<number>((sum, bytes) => sum + tagsOfFrame(bytes as Uint8Array).length, 0),
  );

function streams(...prefetches: number[]): FakeSocket[] {
  return prefetches.map((prefetch, index) => {
    return new FakeSocket({ prefetch, isBinary: true, consumerId: `c${index}` }, index, false);
  });
}

it.each([
  { prefetches: [1_000, 1_000, 1_000], ready: 60, counts: [20, 20, 20] },
  { prefetches: [1_000, 1_000, 1_000], ready: 61, counts: [21, 20, 20] },
  { prefetches: [5, 1_000, 1_000], ready: 60, counts: [5, 28, 27] },
  { prefetches: [0, 3, 2], ready: 60, counts: [0, 3, 2] },
  { prefetches: [10, 10, 10], ready: 2, counts: [1, 1, 0] },
])('$ready messages go to streams with room for $prefetches in equal shares', (row) => {
  const sockets = streams(...row.prefetches);
  for (const send of consumersWith(...sockets).serve(new CountingQueue(row.ready))) send();
  expect(countsOf(sockets)).toEqual(row.counts);
});

it('messages that come one by one go to each stream in turn, also when the object has slept meanwhile', () => {
  const sockets = streams(100, 100, 100);
  const queue = new CountingQueue(0);
  for (let nth = 0; nth < 30; nth++) {
    queue.publish(1);
    for (const send of consumersWith(...sockets).serve(queue)) send();
  }
  expect(countsOf(sockets)).toEqual([10, 10, 10]);
});

it('what one cannot be given goes to the next', () => {
  const sockets = streams(10, 10, 10);
  const queue = new CountingQueue(1);
  const choosy: ReadyMessages = {
    ready: () => queue.ready(),
    leasedBy: (id) => queue.leasedBy(id),
    take: (poll, max) => (poll.consumerId === 'c2' ? queue.take(poll, max) : null),
  };
  for (const send of consumersWith(...sockets).serve(choosy)) send();
  expect(countsOf(sockets)).toEqual([0, 0, 1]);
});

it('those who poll share what is ready, and each is answered once', () => {
  const polls = [1, 2].map((nth) => new FakeSocket({ max: 10, consumerId: `p${nth}` }, nth, false));
  for (const send of consumersWith(...polls).serve(new CountingQueue(10))) send();
  expect(countsOf(polls)).toEqual([5, 5]);
});

it('a lease that ended keeps its place in the prefetch until the consumer says something', () => {
  const sockets = streams(4, 100);
  const [silent] = sockets as [FakeSocket, FakeSocket];
  const consumers = consumersWith(...sockets);
  consumers.noteEndedLeases(
    new Map([
      ['c0', 3],
      ['somebody else', 9],
    ]),
  );
  for (const send of consumers.serve(new CountingQueue(20))) send();
  expect(countsOf(sockets)).toEqual([1, 19]);
  consumers.noteSign(silent as unknown as WebSocket, 1);
  for (const send of consumers.serve(new CountingQueue(3))) send();
  expect(countsOf(sockets)[0]).toBe(3);
});

it('what cannot be sent to one who polls comes back at once, and nobody waits any more', () => {
  const left = new FakeSocket({}, 1, true);
  const there = new FakeSocket({}, 2, false);
  const consumers = consumersWith(left, there);
  expect(serve(consumers)).toEqual([ONE, null]);
  expect(there.sent).toEqual([encodeDeliveryFrame(ONE)]);
  expect(consumers.count()).toBe(0);
});

it('what cannot be sent on a stream goes back when the stream is known to have ended', () => {
  const stream = new FakeSocket({ prefetch: 5, isBinary: true }, 1, true);
  expect(serve(consumersWith(stream))).toEqual([null]);
});

describe('a stream that is silent for too long', () => {
  const FOR_LONG_MS = 24_000;
  const LAST_CHANCE_MS = 1_000;
  const setUp = () => {
    const [mute, talks] = [1, 2].map(
      (nth) =>
        new FakeSocket(
          { consumerId: `c${nth}`, prefetch: 10, heartbeatMs: 8_000, isBinary: true },
          nth,
          false,
        ),
    ) as [FakeSocket, FakeSocket];
    const sockets = [mute, talks] as unknown as [WebSocket, WebSocket];
    const consumers = consumersWith(mute, talks);
    consumers.noteSign(sockets[1], 20_000);
    return { consumers, mute, talks, sockets };
  };
  const idsOf = (silent: ReturnType<Consumers['silent']>): string[] =>
    silent.map(({ attachment }) => attachment.consumerId);

  it('is given nothing any more, and is ended after a last chance', () => {
    const { consumers, mute, talks } = setUp();
    const foundMs = FOR_LONG_MS + 5;
    expect(idsOf(consumers.silent(foundMs))).toEqual([]);
    expect([consumers.hasSuspects, consumers.silenceMs]).toEqual([true, foundMs + LAST_CHANCE_MS]);
    for (const send of consumers.serve(new CountingQueue(10))) send();
    expect([mute.sent.length, talks.sent.length]).toEqual([0, 1]);
    const silent = consumers.silent(foundMs + LAST_CHANCE_MS);
    expect(idsOf(silent)).toEqual(['c1']);
    consumers.endSilent(silent);
    expect(consumers.silent(foundMs + LAST_CHANCE_MS)).toEqual([]);
    expect([consumers.count(), consumers.hasSuspects, consumers.silenceMs]).toEqual([
      1,
      false,
      20_000 + FOR_LONG_MS,
    ]);
  });

  it('is served again when it says something in that time', () => {
    const { consumers, mute, sockets } = setUp();
    consumers.silent(FOR_LONG_MS + 5);
    consumers.noteSign(sockets[0], FOR_LONG_MS + 500);
    expect(consumers.silent(FOR_LONG_MS + 5 + LAST_CHANCE_MS)).toEqual([]);
    for (const send of consumers.serve(new CountingQueue(10))) send();
    expect([mute.sent.length, consumers.hasSuspects]).toEqual([1, false]);
  });
});

it('a stream that has announced no heartbeat may be silent for as long as none of its leases has ended', () => {
  const sockets = streams(10);
  const consumers = consumersWith(...sockets);
  expect([consumers.silent(1e9), consumers.silenceMs]).toEqual([[], Infinity]);
  consumers.noteEndedLeases(new Map([['c0', 1]]));
  expect(consumers.silent(1e9)).toEqual([]);
  expect(consumers.silent(1e9 + 1_000)).toHaveLength(1);
});
