/** The delivery levels of consumers by name: what cannot be combined, in types and at run time. */

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { sqliteStore, type ConsumerOptions, type ExactlyOnceGroupOptions } from '../../../sdk/index.ts';
import { brokerForTests, readAll } from '../harness.ts';

const broker = brokerForTests();

describe('levels', () => {
  const store = sqliteStore(new DatabaseSync(':memory:'));
  const group = { group: 'g', topics: ['t'], eachRecord: () => {} };

  it.each<[string, object | undefined]>([
    ['needs handled', { delivery: 'exactly-once' }],
    ['handled', { handled: store }],
    ['handled', { delivery: 'at-most-once', handled: store }],
    ['once', { delivery: 'at-least-once', once: {} }],
    ['settle', { delivery: 'exactly-once', handled: store, settle: 'manual' }],
    ['settle', { delivery: 'at-most-once', settle: 'manual' }],
    ['leaseMs', { delivery: 'at-most-once', leaseMs: 1_000 }],
    ['transport', { delivery: 'at-most-once', transport: 'stream' }],
    ['delivery is one of', { delivery: 'twice' }],
  ])('a consumer of a queue refuses what cannot be: %s', (why, options) => {
    expect(() => broker.client().consumer('q', () => {}, options as ConsumerOptions)).toThrow(why);
  });

  it.each<[string, object]>([
    ['needs a producer', { delivery: 'exactly-once' }],
    ['producer', { producer: {} }],
    ['producer', { delivery: 'at-most-once', producer: {} }],
    ['commit', { delivery: 'at-most-once', commit: 'interval' }],
    ['orderBy', { delivery: 'at-most-once', orderBy: 'key' }],
    ['deadLetter', { delivery: 'exactly-once', producer: {}, deadLetter: { queue: 'q' } }],
    ['concurrency', { delivery: 'exactly-once', producer: {}, concurrency: 2 }],
    ['isolation', { delivery: 'exactly-once', producer: {}, isolation: 'read_uncommitted' }],
    ['delivery is one of', { delivery: 'twice' }],
  ])('a member of a group refuses what cannot be: %s', (why, options) => {
    expect(() => broker.client().consumer({ ...group, ...options })).toThrow(why);
  });

  it('readers, loops and types refuse what cannot be', () => {
    const posthorn = broker.client();
    const exact = { delivery: 'exactly-once', isolation: 'read_uncommitted' } as const;
    expect(() => posthorn.reader('t', exact)).toThrow('isolation');
    // @ts-expect-error a loop has no handler that could run once
    expect(() => posthorn.messages('q', { delivery: 'exactly-once', handled: store })).toThrow('settle');
    // @ts-expect-error nor messages that came settled
    expect(() => posthorn.messages('q', { delivery: 'at-most-once' })).toThrow('settle');
    // @ts-expect-error a store is needed
    expect(() => posthorn.consumer('q', () => {}, { delivery: 'exactly-once' })).toThrow();
    // @ts-expect-error a producer is needed
    expect(() => posthorn.consumer({ ...group, delivery: 'exactly-once' })).toThrow();
    // @ts-expect-error the transaction commits
    const both = { ...group, delivery: 'exactly-once', commit: 'batch' } satisfies ExactlyOnceGroupOptions;
    expect(both).toBeDefined();
  });

  it('a reader has what is committed', async () => {
    const topic = await broker.topic();
    const posthorn = broker.client();
    const producer = posthorn.transactionalProducer({ transactionalId: topic });
    await producer.run((transaction) => transaction.send(topic, { value: 1 }));
    await producer.begin();
    await producer.send(topic, { value: 2 });
    expect(await readAll(posthorn, topic, { delivery: 'exactly-once' })).toHaveLength(1);
    expect(await readAll(posthorn, topic, { delivery: 'at-least-once' })).toHaveLength(2);
    await producer.abort();
  });
});
