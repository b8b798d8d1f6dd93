/** Transactions by Kafka's protocol: with kafkajs, unmodified, and with raw requests in all orders. */

import type { Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KafkaServer } from '../../../gateway/kafka/kafka-server.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { KafkaBroker, newName } from './support/support.ts';
import { RawTransactions } from './support/raw-transactions.ts';

let kafka: KafkaBroker;
const producers: Producer[] = [];
const raws: RawTransactions[] = [];
beforeAll(async () => {
  kafka = await KafkaBroker.start();
});
afterAll(async () => {
  await kafka?.stop();
});
afterEach(async () => {
  await Promise.all(producers.splice(0).map((producer) => producer.disconnect()));
  for (const raw of raws.splice(0)) raw.close();
  expect(kafka.faults).toEqual([]);
});

async function transactional(transactionalId: string, client = kafka.kafka): Promise<Producer> {
  const producer = client.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true });
  producers.push(producer);
  await producer.connect();
  return producer;
}

async function raw(transactionalId = newName(), port = kafka.server.port): Promise<RawTransactions> {
  const client = await RawTransactions.connect(port, transactionalId);
  raws.push(client);
  return client;
}

async function committed(topic: string, partition = 0): Promise<unknown[]> {
  const { body } = await kafka.broker.fetch(topic, partition, 'isolation=read_committed');
  return body.records.map(({ value }) => value);
}

async function started(transactionalId: string, epoch = 0): Promise<RawTransactions> {
  const producer = await raw(transactionalId);
  expect(await producer.init()).toMatchObject({ errorCode: ERRORS.NONE, producerEpoch: epoch });
  return producer;
}

const offsetOf = async (group: string, topic: string): Promise<number | null | undefined> =>
  (await kafka.posthorn.groups.offsets(group, { topic })).find(({ partition }) => partition === 0)?.offset;

describe('transactions with kafkajs', () => {
  it('are read as committed when they are committed, one after another by one producer', async () => {
    const topic = await kafka.topic(2);
    const producer = await transactional(newName());
    for (const [at, ends] of [true, false, true, false, true].entries()) {
      const transaction = await producer.transaction();
      for (const partition of [0, 1])
        await transaction.send({ topic, messages: [{ value: `"${at}"`, partition }] });
      await (ends ? transaction.commit() : transaction.abort());
    }
    for (const partition of [0, 1]) expect(await committed(topic, partition)).toEqual(['0', '2', '4']);
  });

  it('commit offsets of a group whose members are there', async () => {
    const [topic, output, groupId] = [await kafka.topic(), await kafka.topic(), newName()];
    const consumer = kafka.kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
    await consumer.connect();
    try {
      await consumer.subscribe({ topic, fromBeginning: true });
      const producer = await transactional(newName());
      let handled = 0;
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          const transaction = await producer.transaction();
          await transaction.send({ topic: output, messages: [{ value: message.value }] });
          const offsets = [{ partition: 0, offset: String(Number(message.offset) + 1) }];
          await transaction.sendOffsets({
            consumerGroupId: groupId,
            topics: [{ topic, partitions: offsets }],
          });
          await transaction.commit();
          handled++;
        },
      });
      await kafka.withProducer((plain) =>
        plain.send({ topic, messages: [{ value: '"a"' }, { value: '"b"' }] }),
      );
      await expect.poll(() => handled, { timeout: 15_000 }).toBe(2);
      expect(await committed(output)).toEqual(['a', 'b']);
      expect(await offsetOf(groupId, topic)).toBe(2);
    } finally {
      await consumer.disconnect();
    }
  });

  it('of a producer that another has replaced are refused, and what it left open is aborted', async () => {
    const [topic, id] = [await kafka.topic(), newName()];
    const lost = await (await transactional(id)).transaction();
    await lost.send({ topic, messages: [{ value: '"lost"' }] });
    const kept = await (await transactional(id)).transaction();
    await kept.send({ topic, messages: [{ value: '"kept"' }] });
    await expect(lost.commit()).rejects.toThrow();
    await kept.commit();
    expect(await committed(topic)).toEqual(['kept']);
  });

  it('go on at another gateway when theirs has ended', async () => {
    const [topic, id] = [await kafka.topic(), newName()];
    const other = await KafkaServer.start({ url: kafka.broker.url, port: 0 });
    const first = await raw(id, other.port);
    await first.init();
    await first.addPartitions(topic);
    expect(await first.produce(topic, 'a')).toBe(ERRORS.NONE);
    await other.stop();
    const second = await raw(id);
    second.goOnAs(first);
    expect(await second.produce(topic, 'b')).toBe(ERRORS.NONE);
    expect(await second.end(true)).toMatchObject({ errorCode: ERRORS.NONE });
    expect(await committed(topic)).toEqual(['a', 'b']);
  });
});

describe('transactions of the older protocol', () => {
  it('have one epoch, whose sequences go on', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    for (const value of ['a', 'b', 'c']) {
      expect(await producer.addPartitions(topic)).toBe(ERRORS.NONE);
      expect(await producer.produce(topic, value)).toBe(ERRORS.NONE);
      expect(await producer.end(value !== 'b')).toMatchObject({ errorCode: ERRORS.NONE });
    }
    expect(producer.sequence).toBe(3);
    expect(await committed(topic)).toEqual(['a', 'c']);
  });

  it('end once: who asks again hears the same, and who asks for the opposite is refused', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    await producer.addPartitions(topic);
    await producer.produce(topic, 'a');
    expect(await producer.end(true)).toMatchObject({ errorCode: ERRORS.NONE });
    expect(await producer.end(true)).toMatchObject({ errorCode: ERRORS.NONE });
    expect(await producer.end(false)).toMatchObject({ errorCode: ERRORS.INVALID_TXN_STATE });
    expect(await committed(topic)).toEqual(['a']);
  });

  it('begin with a new id, whoever the client says that it was', async () => {
    const producer = await RawTransactions.connect(kafka.server.port, newName());
    expect(await producer.init({ producerId: 0, producerEpoch: 0 })).toMatchObject({
      errorCode: 0,
      producerId: expect.any(Number),
    });
    expect(producer.identity.producerId).toBeGreaterThanOrEqual(0);
    producer.close();
  });

  it('may be named and ended without a record', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    for (const ends of [true, false, true]) {
      expect(await producer.addPartitions(topic)).toBe(ERRORS.NONE);
      expect(await producer.end(ends)).toMatchObject({ errorCode: ERRORS.NONE });
    }
    expect(await producer.addPartitions(topic)).toBe(ERRORS.NONE);
    expect(await producer.produce(topic, 'a')).toBe(ERRORS.NONE);
    expect(await producer.end(true)).toMatchObject({ errorCode: ERRORS.NONE });
    expect(await committed(topic)).toEqual(['a']);
  });

  it('know a record that comes again, also when its transaction has ended', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    await producer.addPartitions(topic);
    expect(await producer.produce(topic, 'a')).toBe(ERRORS.NONE);
    expect(await producer.produce(topic, 'a', 0)).toBe(ERRORS.NONE);
    await producer.end(true);
    await producer.addPartitions(topic);
    expect(await producer.produce(topic, 'b')).toBe(ERRORS.NONE);
    expect(await producer.produce(topic, 'late', 7)).toBe(ERRORS.OUT_OF_ORDER_SEQUENCE_NUMBER);
    await producer.end(true);
    expect(await committed(topic)).toEqual(['a', 'b']);
  });

  it('are refused of a topic or partition that is not there, and of ids that nobody has', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    expect(await producer.addPartitions('nothing')).toBe(ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await producer.addPartitions('not a name')).toBe(ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await producer.addPartitions(topic, 1)).toBe(ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
    const stranger = await raw();
    stranger.goOnAs(producer);
    expect(await stranger.addPartitions(topic)).toBe(ERRORS.INVALID_PRODUCER_ID_MAPPING);
    expect(await stranger.end(true)).toMatchObject({ errorCode: ERRORS.INVALID_PRODUCER_ID_MAPPING });
    const another = await raw(producer.transactionalId);
    another.goOnAs(await started(newName()));
    expect(await another.addPartitions(topic)).toBe(ERRORS.INVALID_PRODUCER_ID_MAPPING);
    expect(await another.addOffsets(newName())).toBe(ERRORS.INVALID_PRODUCER_ID_MAPPING);
    expect(await another.end(true)).toMatchObject({ errorCode: ERRORS.INVALID_PRODUCER_ID_MAPPING });
    expect(await another.init(another.identity)).toMatchObject({ errorCode: ERRORS.PRODUCER_FENCED });
    expect(await (await raw('')).init()).toMatchObject({ errorCode: ERRORS.INVALID_REQUEST });
    const slow = await raw();
    expect(await slow.init({ transactionTimeoutMs: 900_001 })).toMatchObject({
      errorCode: ERRORS.INVALID_TRANSACTION_TIMEOUT,
    });
  });

  it('are refused to an instance that was replaced, by the code that its version knows', async () => {
    const [topic, id] = [await kafka.topic(), newName()];
    const first = await started(id);
    await first.addPartitions(topic);
    await first.produce(topic, 'lost');
    const second = await started(id, 2); // one epoch for the abort
    expect(await first.addPartitions(topic, 0, 1)).toBe(ERRORS.INVALID_PRODUCER_EPOCH);
    expect(await first.addPartitions(topic, 0, 2)).toBe(ERRORS.PRODUCER_FENCED);
    expect(await first.produce(topic, 'late')).toBe(ERRORS.INVALID_PRODUCER_EPOCH);
    expect(await first.end(true)).toMatchObject({ errorCode: ERRORS.PRODUCER_FENCED });
    expect(await first.init(first.identity)).toMatchObject({ errorCode: ERRORS.PRODUCER_FENCED });
    await second.addPartitions(topic);
    expect(await second.produce(topic, 'kept')).toBe(ERRORS.NONE);
    await second.end(true);
    expect(await committed(topic)).toEqual(['kept']);
  });

  it('go on with the next epoch after a failure, however often that is asked', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    await producer.addPartitions(topic);
    await producer.produce(topic, 'lost');
    const { identity } = producer;
    expect(await producer.init(identity)).toMatchObject({ errorCode: ERRORS.NONE, producerEpoch: 2 });
    expect(await producer.init(identity)).toMatchObject({ errorCode: ERRORS.NONE, producerEpoch: 2 });
    await producer.addPartitions(topic);
    expect(await producer.produce(topic, 'kept')).toBe(ERRORS.NONE);
    expect(await producer.end(true)).toMatchObject({ errorCode: ERRORS.NONE });
    expect(await committed(topic)).toEqual(['kept']);
  });
});

describe('transactions of the newer protocol', () => {
  it('have an epoch each, which their end gives, and need not name their partitions', async () => {
    const topic = await kafka.topic();
    const producer = await started(newName());
    for (const [at, ends] of [true, false, true].entries()) {
      expect(await producer.produce(topic, `${at}`, 0)).toBe(ERRORS.NONE);
      expect(await producer.end(ends, 5)).toMatchObject({ errorCode: ERRORS.NONE, producerEpoch: at + 1 });
    }
    expect(await committed(topic)).toEqual(['0', '2']);
  });

  it('are offered to clients that know them', async () => {
    const { client } = await raw();
    const versions = await client.send('ApiVersions', 3, {
      clientSoftwareName: 'test',
      clientSoftwareVersion: '1',
    });
    expect(versions).toMatchObject({
      finalizedFeaturesEpoch: 0,
      finalizedFeatures: [{ name: 'transaction.version', maxVersionLevel: 2 }],
    });
  });
});

describe('offsets of a group in a transaction', () => {
  it.each([
    ['older', 4, 3],
    ['newer', 5, 5],
  ])('take effect when it is committed, by the %s protocol', async (_, endVersion, commitVersion) => {
    const [topic, group] = [await kafka.topic(), newName()];
    await kafka.withProducer((plain) => plain.send({ topic, messages: [{ value: '1' }, { value: '2' }] }));
    const producer = await started(newName());
    if (endVersion === 4) expect(await producer.addOffsets(group)).toBe(ERRORS.NONE);
    expect(await producer.commitOffset(group, topic, 1, commitVersion)).toBe(ERRORS.NONE);
    expect(await offsetOf(group, topic)).toBe(null);
    await producer.end(true, endVersion);
    expect(await offsetOf(group, topic)).toBe(1);
    if (endVersion === 4) expect(await producer.addOffsets(group)).toBe(ERRORS.NONE);
    expect(await producer.commitOffset(group, topic, 2, commitVersion)).toBe(ERRORS.NONE);
    await producer.end(false, endVersion);
    expect(await offsetOf(group, topic)).toBe(1);
    const other = await started(newName());
    expect(await other.commitOffset(group, topic, 2, commitVersion), 'by another').toBe(ERRORS.NONE);
    await other.end(true, endVersion);
    expect(await offsetOf(group, topic)).toBe(2);
  });

  it.each([
    ['both committed', true, true, [1, 2]],
    ['one aborted', false, true, [null, 2]],
    ['the other aborted', true, false, [1, null]],
    ['both aborted', false, false, [null, null]],
  ])(
    'of different partitions are each of their own transaction while both are open: %s',
    async (_, isFirst, isSecond, offsets) => {
      const [topic, group] = [await kafka.topic(2), newName()];
      await kafka.withProducer((plain) =>
        plain.send({ topic, messages: [0, 1, 1].map((partition) => ({ partition, value: 'x' })) }),
      );
      const [first, second] = [await started(newName()), await started(newName())];
      expect(await first.commitOffset(group, topic, 1)).toBe(ERRORS.NONE);
      const partitions = [{ partitionIndex: 1, committedOffset: 2, committedMetadata: null }];
      const more = { topics: [{ name: topic, partitions }] };
      expect(await second.commitOffset(group, topic, 2, 3, more)).toBe(ERRORS.NONE);
      await second.end(isSecond);
      await first.end(isFirst);
      const found = await kafka.posthorn.groups.offsets(group, { topic });
      const offsetIn = (at: number): number | null =>
        found.find(({ partition }) => partition === at)?.offset ?? null;
      expect([offsetIn(0), offsetIn(1)]).toEqual(offsets);
    },
  );

  /** `a=1`: a commit in the transaction of a; `+a`, `-a`: its end; `p=1`: a commit without a transaction. As Kafka 4.4 answers. */
  it.each<[steps: string, offset: number, isPending: boolean]>([
    ['a=1 b=2 +a', 1, true],
    ['a=1 b=2 +a +b', 2, false],
    ['a=1 b=2 +b', 2, true],
    ['a=1 b=2 +b +a', 2, false],
    ['a=1 b=2 -b +a', 1, false],
    ['a=1 b=2 a=0 +a +b', 0, false],
    ['a=1 b=2 +b a=3 +a', 3, false],
    ['a=1 p=3', 3, true],
    ['a=1 p=3 +a', 3, false],
    ['p=3 a=1 +a', 1, false],
  ])(
    'of one partition are pending beside those of others, and the latest request wins: %s',
    async (steps, ...last) => {
      const [topic, group, plain] = [await kafka.topic(), newName(), await raw()];
      const open = new Map<string, RawTransactions>();
      const at = (who: string, committedOffset: number): object => ({
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex: 0, committedOffset, committedLeaderEpoch: 2, committedMetadata: who },
            ],
          },
        ],
      });
      for (const [, sign, who, offset] of steps.matchAll(/([+-]?)(\w)=?(\d?)/g)) {
        if (sign !== '') expect(await open.get(who!)!.end(sign === '+')).toMatchObject({ errorCode: 0 });
        else if (who === 'p') {
          const commit = {
            groupId: group,
            generationIdOrMemberEpoch: -1,
            memberId: '',
            ...at(who, Number(offset)),
          };
          const { topics } = await plain.client.send('OffsetCommit', 8, commit);
          expect(topics).toMatchObject([{ partitions: [{ errorCode: 0 }] }]);
        } else {
          if (!open.has(who!)) open.set(who!, await started(newName()));
          const code = await open.get(who!)!.commitOffset(group, topic, 0, 3, at(who!, Number(offset)));
          expect(code).toBe(ERRORS.NONE);
        }
      }
      const fetch = { groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] };
      const seen = async (requireStable: boolean): Promise<unknown> => {
        const { topics } = await plain.client.send('OffsetFetch', 7, { ...fetch, requireStable });
        return (topics as { partitions: unknown[] }[])[0]!.partitions[0];
      };
      const [committedOffset, isPending] = last;
      const found = { committedOffset, committedLeaderEpoch: 2, errorCode: ERRORS.NONE };
      const unstable = {
        committedOffset: -1,
        committedLeaderEpoch: -1,
        metadata: '',
        errorCode: ERRORS.UNSTABLE_OFFSET_COMMIT,
      };
      expect(await seen(false)).toMatchObject(found);
      expect(await seen(true)).toMatchObject(isPending ? unstable : found);
    },
  );

  it('are refused for a member that is not one, and taken past the end', async () => {
    const [topic, group] = [await kafka.topic(), newName()];
    const producer = await started(newName());
    const member = { memberId: 'nobody', generationIdOrMemberEpoch: 3 };
    expect(await producer.commitOffset(group, topic, 0, 3, member)).toBe(ERRORS.UNKNOWN_MEMBER_ID);
    expect(await producer.commitOffset(group, topic, 1)).toBe(ERRORS.NONE);
    expect(await producer.commitOffset(group, 'nothing', 0)).toBe(ERRORS.UNKNOWN_TOPIC_OR_PARTITION);
  });
});
