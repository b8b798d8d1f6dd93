/** What Kafka's tools ask of transactions: the ids, what they are at, and the producers of a partition. */

import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { type KafkaBroker, kafkaForTests, newName } from '../support/support.ts';
import { RawTransactions } from '../support/raw-transactions.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));

describe('transactional ids', () => {
  it('are described', async () => {
    const topic = await kafka.topic();
    const transactions = await RawTransactions.connect(kafka.server.port, newName());
    const described = async (): Promise<unknown> => {
      const transactionalIds = [transactions.transactionalId, 'nobody'];
      const body = { transactionalIds };
      return (await transactions.client.send('DescribeTransactions', 0, body))['transactionStates'];
    };
    await transactions.init();
    expect(await described()).toMatchObject([
      { errorCode: 0, transactionState: 'Empty', transactionTimeoutMs: 60_000, topics: [] },
      { errorCode: ERRORS.TRANSACTIONAL_ID_NOT_FOUND },
    ]);
    await transactions.addPartitions(topic);
    expect(await described()).toMatchObject([
      { ...transactions.identity, transactionState: 'Ongoing', topics: [{ topic, partitions: [0] }] },
      {},
    ]);
    await transactions.end(true);
    expect(await described()).toMatchObject([{ transactionState: 'CompleteCommit' }, {}]);
    transactions.close();
  });

  it('are listed, by their states, producers, names, and how long they are open', async () => {
    const topic = await kafka.topic();
    const name = newName();
    const open = await RawTransactions.connect(kafka.server.port, `${name}.open`);
    const ended = await RawTransactions.connect(kafka.server.port, `${name}.ended`);
    await open.init();
    await open.addPartitions(topic);
    await ended.init();
    await ended.addPartitions(topic);
    await ended.end(false);
    const listed = async (filters: object = {}): Promise<Record<string, unknown>> => {
      const all = { stateFilters: [], producerIdFilters: [], transactionalIdPattern: `${name}.*` };
      return await open.client.send('ListTransactions', 2, { ...all, ...filters });
    };
    const { producerId } = open.identity;
    const ofOpen = { transactionalId: `${name}.open`, producerId, transactionState: 'Ongoing' };
    const ofEnded = {
      transactionalId: `${name}.ended`,
      producerId: ended.identity.producerId,
      transactionState: 'CompleteAbort',
    };
    const all = { errorCode: 0, unknownStateFilters: [], transactionStates: [ofEnded, ofOpen] };
    const one = { ...all, transactionStates: [ofOpen] };
    const none = { ...all, transactionStates: [] };
    expect(await listed()).toMatchObject(all);
    const ofEveryName = await listed({ transactionalIdPattern: '' });
    expect(ofEveryName['transactionStates']).toEqual(expect.arrayContaining([ofEnded, ofOpen]));
    expect(await listed({ stateFilters: ['Ongoing', 'Empty'] })).toMatchObject(one);
    expect(await listed({ producerIdFilters: [producerId] })).toMatchObject(one);
    expect(await listed({ durationFilter: 0 })).toMatchObject(one);
    expect(await listed({ durationFilter: 3_600_000 })).toMatchObject(none);
    expect(await listed({ transactionalIdPattern: name })).toMatchObject(none);
    expect(await listed({ stateFilters: ['ongoing'] })).toMatchObject({
      ...none,
      unknownStateFilters: ['ongoing'],
    });
    expect(await listed({ stateFilters: ['ongoing', 'Ongoing'] })).toMatchObject({
      ...one,
      unknownStateFilters: ['ongoing'],
    });
    expect(await listed({ transactionalIdPattern: '(' })).toMatchObject({
      ...none,
      errorCode: ERRORS.INVALID_REGULAR_EXPRESSION,
    });
    open.close();
    ended.close();
  });
});

describe('producers of a partition', () => {
  it('are described, with where their transactions begin', async () => {
    const topic = await kafka.topic();
    const transactions = await RawTransactions.connect(kafka.server.port, newName());
    const described = async (name = topic, partitionIndex = 0): Promise<unknown> => {
      const topics = [{ name, partitionIndexes: [partitionIndex] }];
      const answer = await transactions.client.send('DescribeProducers', 0, { topics });
      return (answer['topics'] as { partitions: unknown[] }[])[0]!.partitions[0];
    };
    expect(await described()).toMatchObject({ errorCode: 0, activeProducers: [] });
    const unknown = { errorCode: ERRORS.UNKNOWN_TOPIC_OR_PARTITION, activeProducers: [] };
    expect(await described(topic, 7)).toMatchObject(unknown);
    expect(await described('nowhere')).toMatchObject(unknown);
    expect(await described('/')).toMatchObject(unknown);
    await transactions.init();
    const { producerId, producerEpoch } = transactions.identity;
    await transactions.addPartitions(topic);
    await transactions.produce(topic, 'a');
    await transactions.produce(topic, 'b');
    const open = { producerId, producerEpoch, lastSequence: 1, currentTxnStartOffset: 0 };
    expect(await described()).toMatchObject({ errorCode: 0, activeProducers: [open] });
    await transactions.end(true, 4);
    const ended = { ...open, currentTxnStartOffset: -1 };
    expect(await described()).toMatchObject({ activeProducers: [ended] });
    await transactions.addPartitions(topic);
    await transactions.produce(topic, 'c');
    await transactions.end(true, 5);
    const raised = { ...ended, producerEpoch: producerEpoch + 1, lastSequence: -1 };
    expect(await described()).toMatchObject({ activeProducers: [raised] });
    transactions.close();
  });
});
