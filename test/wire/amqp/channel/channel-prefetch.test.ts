/** A limit of unsettled deliveries that the consumers of a channel share. */

import { describe, expect, it } from 'vitest';
import type { Delivery, Settlement } from '../../../../wire/amqp/broker-port.ts';
import { ChannelPrefetch, type Counted } from '../../../../wire/amqp/channel/consumer/channel-prefetch.ts';

class FakeConsumer implements Counted {
  /** What the client has. */
  readonly handed: Delivery[] = [];
  readonly prefetches: number[] = [];
  readonly settled: string[] = [];

  hand(delivery: Delivery): void {
    this.handed.push(delivery);
  }

  setPrefetch(prefetch: number): void {
    this.prefetches.push(prefetch);
  }

  delivery(name: string): Delivery {
    const settle = (settlement: Settlement): number => this.settled.push(`${settlement} ${name}`);
    const empty = new Uint8Array();
    return { exchange: '', routingKey: name, redelivered: false, rawProperties: empty, body: empty, settle };
  }

  get names(): string[] {
    return this.handed.map(({ routingKey }) => routingKey);
  }
}

function channelOf(limit: number, consumers: number): { channel: ChannelPrefetch; all: FakeConsumer[] } {
  const channel = new ChannelPrefetch();
  channel.limit = limit;
  const all = Array.from({ length: consumers }, () => new FakeConsumer());
  for (const consumer of all) channel.begin(consumer);
  return { channel, all };
}

describe('the prefetch of a channel', () => {
  it('is no limit as long as it is 0', () => {
    const { channel, all } = channelOf(0, 1);
    const [one] = all as [FakeConsumer];
    for (const name of ['a', 'b', 'c']) channel.deliver(one, one.delivery(name));
    expect(one.names).toEqual(['a', 'b', 'c']);
    expect(one.prefetches).toEqual([]);
  });

  it('lets one without acks through while there is room, of which that takes nothing', () => {
    const { channel, all } = channelOf(1, 2);
    const [one, free] = all as [FakeConsumer, FakeConsumer];
    free.hand = (delivery) => {
      free.handed.push(delivery);
      delivery.settle('ack');
    };
    channel.deliver(one, one.delivery('a'));
    for (const name of ['b', 'c']) channel.deliver(free, free.delivery(name));
    expect(free.names).toEqual([]);
    one.handed[0]!.settle('ack');
    expect(free.names).toEqual(['b', 'c']);
    expect(free.settled).toEqual(['ack b', 'ack c']);
    channel.deliver(one, one.delivery('d'));
    expect(one.names).toEqual(['a', 'd']);
  });

  it('holds back what is above it over all consumers, in the order in which it came', () => {
    const { channel, all } = channelOf(2, 2);
    const [one, two] = all as [FakeConsumer, FakeConsumer];
    channel.deliver(one, one.delivery('a'));
    channel.deliver(two, two.delivery('b'));
    channel.deliver(two, two.delivery('c'));
    channel.deliver(one, one.delivery('d'));
    expect([one.names, two.names]).toEqual([['a'], ['b']]);
    one.handed[0]!.settle('ack');
    expect([one.names, two.names]).toEqual([['a'], ['b', 'c']]);
    two.handed[0]!.settle('reject');
    expect(one.names).toEqual(['a', 'd']);
    expect([one.settled, two.settled]).toEqual([['ack a'], ['reject b']]);
  });

  it('leaves a consumer what the others do not hold', () => {
    const { channel, all } = channelOf(3, 2);
    const [one, two] = all as [FakeConsumer, FakeConsumer];
    for (const name of ['a', 'b', 'c']) channel.deliver(one, one.delivery(name));
    expect(two.prefetches.at(-1)).toBe(1);
    for (const delivery of one.handed) delivery.settle('ack');
    expect(two.prefetches.at(-1)).toBe(1);
    channel.deliver(two, two.delivery('d'));
    expect(two.prefetches.at(-1)).toBe(3);
  });

  it('can be raised and lifted while consumers run', () => {
    const { channel, all } = channelOf(1, 1);
    const [one] = all as [FakeConsumer];
    channel.deliver(one, one.delivery('a'));
    channel.deliver(one, one.delivery('b'));
    channel.limit = 3;
    expect(one.names).toEqual(['a', 'b']);
    expect(one.prefetches.at(-1)).toBe(3);
    channel.limit = 0;
    expect(one.prefetches.at(-1)).toBe(0);
  });

  it('gives back what waits for a consumer that ends, and counts what the client has of it', () => {
    const { channel, all } = channelOf(1, 2);
    const [one, two] = all as [FakeConsumer, FakeConsumer];
    channel.deliver(one, one.delivery('a'));
    channel.deliver(one, one.delivery('b'));
    channel.deliver(two, two.delivery('c'));
    channel.end(one);
    expect(one.settled).toEqual(['requeue b']);
    expect(two.names).toEqual([]);
    one.handed[0]!.settle('ack');
    expect(two.names).toEqual(['c']);
  });
});
