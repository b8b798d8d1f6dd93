/** RabbitMQ as a contender: a quorum queue, publisher confirms and persistent messages, with amqplib. */

import { connect } from 'amqplib';
import { startRabbitmq } from '../../scripts/peers/rabbitmq.ts';
import { timed } from '../client.ts';
import { Arrival } from '../arrival.ts';
import { BODY, Countdown, WINDOW, type Contender, type Running } from './contender.ts';

const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };

export const rabbitmqContender: Contender = {
  name: 'RabbitMQ',
  about: 'RabbitMQ of Debian, quorum queue, amqplib',
  start,
};

async function start(): Promise<Running> {
  const server = await startRabbitmq();
  const socket = { noDelay: true };
  const [publishing, consuming] = [await connect(server.url, socket), await connect(server.url, socket)];
  const producer = await publishing.createConfirmChannel();
  const consumer = await consuming.createChannel();
  await consumer.prefetch(WINDOW);
  await producer.assertQueue('alone', QUORUM);
  await producer.assertQueue('met', QUORUM);
  const arrival = new Arrival();
  await consumer.consume('met', (message) => {
    arrival.note();
    consumer.ack(message!);
  });
  const send = (queue: string): Promise<void> =>
    new Promise((resolve, reject) => {
      producer.sendToQueue(queue, BODY, { persistent: true }, (error: unknown) =>
        error ? reject(error as Error) : resolve(),
      );
    });
  let rounds = 0;
  return {
    publish: () => send('alone'),
    deliver: async () => {
      const arrived = arrival.next();
      await send('met');
      await arrived;
    },
    queue: async (messages) => {
      const queue = `many-${rounds++}`;
      await producer.assertQueue(queue, QUORUM);
      const all = new Countdown(messages);
      const { consumerTag } = await consumer.consume(queue, (message) => {
        consumer.ack(message!);
        all.note();
      });
      await timed(messages, WINDOW, () => send(queue));
      await all.reached;
      await consumer.cancel(consumerTag);
      await producer.deleteQueue(queue);
    },
    stop: async () => {
      await publishing.close();
      await consuming.close();
      await server.stop();
    },
  };
}
