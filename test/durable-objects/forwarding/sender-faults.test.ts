/** Senders whose calls fail one after another: every message arrives, in order, and in queues once. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { DestinationAddress } from '../../../core/topology/routing/destination-addresses.ts';
import type { ShareDeadLetter } from '../../../protocol/schemas/share-groups.ts';
import { encodeBatch, type LogRecord } from '../../../protocol/record-batch/index.ts';
import type { DeadLetterConfig } from '../../../protocol/schemas/queues.ts';
import { scheduleDeclarationSchema } from '../../../protocol/schemas/schedules.ts';
import { sendShareDeadLetters } from '../../../durable-objects/partition/share/share-dead-letters.ts';
import { ShareStore } from '../../../durable-objects/partition/share/share-store.ts';
import { sendOutbox } from '../../../durable-objects/queue/dead-letters/outbox-sender.ts';
import { publishOccurrence } from '../../../durable-objects/schedule/publish-occurrence.ts';
import { sendMessages } from '../../../durable-objects/transaction/send-messages.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { QueueDriver } from '../queue/support/queue-driver.ts';
import { FakeBroker } from './fake-broker.ts';

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));

/** Sends what is left. Returns whether that is nothing. */
type Attempt = () => Promise<boolean>;

interface Scenario {
  name: string;
  begin: (broker: FakeBroker) => Attempt;
  /** What each queue stores, and what each topic stores at least once in this order. */
  stores: Record<string, string[]>;
}

const MESSAGES = ['0', '1', '2'];

function outbox(target: DeadLetterConfig | null, isReplay = false): Scenario['begin'] {
  return (broker) => {
    const driver = new QueueDriver(new NodeSql(), { dead_letter: isReplay ? null : target });
    for (const body of MESSAGES) driver.publish([Number(body)]); // a row of the outbox each
    if (isReplay) for (const _ of MESSAGES) driver.replay(1, { to: target as { queue: string } });
    else for (const { tag } of driver.deliver(3)) driver.settle([tag], { kind: 'reject' });
    const definition = { namespace: 'default', name: 'q', id: 7, version: 7, config: driver.config };
    return async () => {
      const problem = await sendOutbox(broker.env, definition, driver.queue).catch(String);
      if (problem === null) expect(driver.queue.outgoing).toBe(0);
      return problem === null;
    };
  };
}

const recordOf = (body: string): LogRecord => ({
  offset: 0,
  timestamp: 0,
  key: null,
  value: new TextEncoder().encode(body),
  headers: [],
});

function share(target: Exclude<ShareDeadLetter, 'none'>): Scenario['begin'] {
  return (broker) => {
    const store = new ShareStore(new NodeSql());
    store.create();
    for (const body of MESSAGES) {
      store.addDeadLetters({ group: 'g', groupId: 1, target, count: 1, data: encodeBatch([recordOf(body)]) });
    }
    const topic = new FakeBroker().topic('source').definition;
    const open = { shared: { store }, definition: { topic, partition: 0 } };
    return async () => (await sendShareDeadLetters(broker.env, () => open).catch(String)) === null;
  };
}

function transaction(broker: FakeBroker): Attempt {
  const { definition: queue } = broker.queues.get('a')!;
  const { definition: topic } = broker.topics.get('t')!;
  const toQueue: DestinationAddress = { kind: 'queue', place: queue, version: queue.version };
  const toTopic: DestinationAddress = {
    kind: 'topic',
    place: topic,
    version: topic.version,
    partition: 0,
    bytesMax: 1_000_000,
  };
  const publishes = MESSAGES.map((body, sequence) => ({
    sequence,
    count: 1,
    shares: [toQueue, toTopic].map((destination) => ({ destination, indexes: null })),
    bytes: encodeBatch([recordOf(body)]),
  }));
  const committed = { transactionalId: 't', producerId: 1, epoch: 0, topicProducerId: 2, publishes };
  return () => sendMessages(broker.env, committed);
}

function schedule(target: object): Scenario['begin'] {
  return (broker) => {
    const config = scheduleDeclarationSchema.parse({ cron: '* * * * *', target, message: { body: 'now' } });
    const definition = { namespace: 'default', name: 's', id: 1, version: 1, config, isPaused: false };
    const times = { occurrenceMs: 0, firstMs: 0, dueMs: 0 };
    const publish = { number: 1, id: 1, by: 'cron' as const, attempts: 0, ...times };
    return async () => {
      const result = await publishOccurrence(broker.env, definition, publish, 0).catch(() => null);
      return result?.outcome === 'published';
    };
  };
}

const SCENARIOS: Scenario[] = [
  { name: 'dead letters to a queue', begin: outbox({ queue: 'a' }), stores: { a: MESSAGES } },
  {
    name: 'dead letters to a queue that is made for them',
    begin: outbox(null),
    stores: { 'q.dlq': MESSAGES },
  },
  {
    name: 'dead letters through an exchange',
    begin: outbox({ exchange: 'x' }),
    stores: { a: MESSAGES, b: MESSAGES, t: MESSAGES },
  },
  { name: 'replayed messages', begin: outbox({ queue: 'b' }, true), stores: { b: MESSAGES } },
  { name: 'dead letters of a share group', begin: share({ queue: 'a' }), stores: { a: MESSAGES } },
  { name: 'the same to a topic', begin: share({ topic: 't' }), stores: { t: MESSAGES } },
  { name: 'messages of a transaction', begin: transaction, stores: { a: MESSAGES, t: MESSAGES } },
  { name: 'an occurrence to a queue', begin: schedule({ queue: 'a' }), stores: { a: ['"now"'] } },
  { name: 'an occurrence to a topic', begin: schedule({ topic: 't' }), stores: { t: ['"now"'] } },
  {
    name: 'an occurrence to an exchange',
    begin: schedule({ exchange: 'x', routing_key: '' }),
    stores: { a: ['"now"'], b: ['"now"'], t: ['"now"'] },
  },
];

function newBroker(): FakeBroker {
  const broker = new FakeBroker();
  broker.queue('a');
  broker.queue('b');
  broker.topic('t', { partitions: 1 });
  broker.exchanges.set('x', [
    { kind: 'queue', name: 'a' },
    { kind: 'topic', name: 't' },
    { kind: 'queue', name: 'b' },
  ]);
  return broker;
}

function storedIn(broker: FakeBroker): Record<string, string[]> {
  const queues = [...broker.queues].map(([name, { stored }]): [string, string[]] => [name, stored]);
  // A topic may hold one twice: what counts is the order in which each came first.
  const topics = [...broker.topics].map(([name, { stored }]): [string, string[]] => [
    name,
    [...new Set(stored.flat())],
  ]);
  return Object.fromEntries([...queues, ...topics].filter(([, stored]) => stored.length > 0));
}

async function sendAll(broker: FakeBroker, attempt: Attempt): Promise<void> {
  for (let attempts = 0; !(await attempt()); attempts++) expect(attempts).toBeLessThan(20);
  expect(broker.calls.length).toBeGreaterThan(0);
}

describe.each(SCENARIOS)('$name', ({ begin, stores }) => {
  it('arrive, whichever call fails, before it is made or after', async () => {
    const calm = newBroker();
    await sendAll(calm, begin(calm));
    expect(storedIn(calm)).toEqual(stores);
    for (let call = 1; call <= calm.calls.length; call++) {
      for (const isAfter of [false, true]) {
        const broker = newBroker();
        const attempt = begin(broker);
        broker.failAt = { call, isAfter };
        await sendAll(broker, attempt);
        expect(storedIn(broker), `call ${call} ${isAfter ? 'after' : 'before'}`).toEqual(stores);
      }
    }
  });

  it('arrive when all definitions have changed since they were read', async () => {
    const broker = newBroker();
    const attempt = begin(broker);
    for (const target of [...broker.queues.values(), ...broker.topics.values()]) broker.change(target);
    await sendAll(broker, attempt);
    expect(storedIn(broker)).toEqual(stores);
  });
});

describe('a target', () => {
  it('that does not exist holds dead letters up until it does', async () => {
    const broker = newBroker();
    const attempt = outbox({ queue: 'later' })(broker);
    expect(await attempt()).toBe(false);
    broker.queue('later');
    expect(await attempt()).toBe(true);
    expect(storedIn(broker)).toEqual({ later: MESSAGES });
  });

  it('that is full holds up its own destination only, and no other stores a message twice', async () => {
    const broker = newBroker();
    broker.queues.get('b')!.isFull = true;
    const attempt = outbox({ exchange: 'x' })(broker);
    for (let nth = 0; nth < 3; nth++) expect(await attempt()).toBe(false);
    expect(broker.topics.get('t')!.stored.flat(), 'noted in the row').toEqual(['0']);
    broker.queues.get('b')!.isFull = false;
    expect(await attempt()).toBe(true);
    expect(broker.topics.get('t')!.stored.flat()).toEqual(MESSAGES);
    expect(storedIn(broker)).toEqual({ a: MESSAGES, b: MESSAGES, t: MESSAGES });
  });

  it('of a transaction that was deleted gets nothing, and holds nothing up', async () => {
    const broker = newBroker();
    const attempt = transaction(broker);
    broker.queues.delete('a');
    expect(await attempt()).toBe(true);
    expect(storedIn(broker)).toEqual({ t: MESSAGES });
  });

  it('that became compacted keeps no dead letter without a key: of a queue they count as unroutable', async () => {
    const broker = newBroker();
    broker.topic('t', { partitions: 1, cleanup_policy: 'compact' });
    expect(await outbox({ exchange: 'x' })(broker)()).toBe(true);
    expect(await share({ topic: 't' })(broker)()).toBe(false);
    expect(storedIn(broker)).toEqual({ a: MESSAGES, b: MESSAGES });
  });
});
