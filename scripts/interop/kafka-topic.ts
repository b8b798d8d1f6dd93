/** A topic for a program that consumes it: made, and written by kafkajs. */

import { Kafka, logLevel, type Producer } from 'kafkajs';

/** Makes the topic. @returns who writes it, connected */
export async function producerOf(address: string, topic: string, partitions: number): Promise<Producer> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
    waitForLeaders: true,
  });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  return producer;
}
