/** A broker with a Kafka gateway, shared by the tests of a file. */

import { Kafka, logLevel, type Admin, type Producer } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { KafkaServer, type KafkaServerOptions } from '../../../../gateway/kafka/kafka-server.ts';
import { Posthorn } from '../../../../sdk/index.ts';
import { TestBroker } from '../../../support/broker/test-broker.ts';

process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';

let names = 0;
/** Of a topic or a group that no other test has. */
export const newName = (): string => `kafka-${++names}`;

export class KafkaBroker {
  readonly broker: TestBroker;
  readonly server: KafkaServer;
  readonly posthorn: Posthorn;
  readonly kafka: Kafka;
  readonly faults: unknown[];

  private constructor(broker: TestBroker, server: KafkaServer, faults: unknown[]) {
    this.broker = broker;
    this.server = server;
    this.faults = faults;
    this.posthorn = new Posthorn({ url: broker.url });
    this.kafka = this.client();
  }

  static async start(options: Partial<KafkaServerOptions> = {}): Promise<KafkaBroker> {
    const broker = await TestBroker.start();
    const faults: unknown[] = [];
    const onError = (error: unknown): number => faults.push(error);
    const server = await KafkaServer.start({ url: broker.url, port: 0, onError, ...options });
    return new KafkaBroker(broker, server, faults);
  }

  client(port = this.server.port): Kafka {
    return new Kafka({
      clientId: 'test',
      brokers: [`127.0.0.1:${port}`],
      logLevel: logLevel.NOTHING,
      retry: { retries: 3, initialRetryTime: 50 },
    });
  }

  async topic(partitions = 1): Promise<string> {
    const topic = newName();
    await this.posthorn.topics.declare(topic, { partitions });
    return topic;
  }

  async withAdmin<Result>(run: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await run(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async withProducer<Result>(run: (producer: Producer) => Promise<Result>, options = {}): Promise<Result> {
    const producer = this.kafka.producer(options);
    await producer.connect();
    try {
      return await run(producer);
    } finally {
      await producer.disconnect();
    }
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.broker.stop();
  }
}

/**
 * Starts one for the tests of a file, and stops it behind them. None of them may leave a fault of the gateway behind.
 * @param use called with it before the first test
 */
export function kafkaForTests(
  use: (kafka: KafkaBroker) => void,
  options: Partial<KafkaServerOptions> = {},
): void {
  let kafka: KafkaBroker | undefined;
  beforeAll(async () => use((kafka = await KafkaBroker.start(options))));
  afterAll(() => kafka?.stop());
  afterEach(() => expect(kafka!.faults).toEqual([]));
}
