/** Kafka as a contender: one node that flushes each batch, all acks, with kafkajs. */

import { Kafka, logLevel } from 'kafkajs';
import { KAFKA_VERSION, startKafka } from '../../scripts/peers/kafka.ts';
import { timed } from '../runtime/client.ts';
import { Arrival } from '../runtime/arrival.ts';
import { BODY, Countdown, WINDOW, type Contender, type Running } from './contender.ts';

/** Requests with a batch under way at once. */
const IN_FLIGHT = 4;

export const kafkaContender: Contender = {
  name: 'Kafka',
  about: `Kafka ${KAFKA_VERSION}, flush each batch, kafkajs`,
  start,
};

async function start(): Promise<Running> {
  const server = await startKafka();
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  const kafka = new Kafka({ brokers: [server.server], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const topics = ['alone', 'met'].map((topic) => ({ topic, numPartitions: 1 }));
  await admin.createTopics({ topics, waitForLeaders: true });
  const producer = kafka.producer();
  await producer.connect();
  const send = (topic: string, count = 1): Promise<unknown> =>
    producer.send({ topic, acks: -1, messages: Array.from({ length: count }, () => ({ value: BODY })) });
  const arrival = new Arrival();
  const waiting = kafka.consumer({ groupId: 'met', maxWaitTimeInMs: 500 });
  await waiting.connect();
  await waiting.subscribe({ topic: 'met', fromBeginning: true });
  await waiting.run({
    eachMessage: () => {
      arrival.note();
      return Promise.resolve();
    },
  });
  const first = arrival.next();
  await send('met'); // the group has its partition when it comes
  await first;
  let rounds = 0;
  let topic = '';
  return {
    publish: () => send('alone'),
    deliver: async () => {
      const arrived = arrival.next();
      await send('met');
      await arrived;
    },
    log: {
      produce: async (records) => {
        topic = `records-${rounds++}`;
        await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
        await timed(records / WINDOW, IN_FLIGHT, () => send(topic, WINDOW));
      },
      consume: async (records) => {
        const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 });
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        const all = new Countdown(records);
        await consumer.run({
          eachBatch: ({ batch }) => {
            all.note(batch.messages.length);
            return Promise.resolve();
          },
        });
        await all.reached;
        await consumer.disconnect();
      },
    },
    stop: async () => {
      await Promise.all([waiting.disconnect(), producer.disconnect(), admin.disconnect()]);
      await server.stop();
    },
  };
}
