/** AMQP client of the comparisons: amqplib with publisher confirms, persistent messages, and a window on both sides. */

import { connect, type Options } from 'amqplib';
import { Arrival } from '../runtime/arrival.ts';
import { timed } from '../runtime/client.ts';
import { BODY, Countdown, WINDOW, type Running } from './contender.ts';

/** @param stop of the server */
export async function amqpRunning(
  url: string,
  queueOptions: Options.AssertQueue,
  stop: () => Promise<void>,
): Promise<Running & Required<Pick<Running, 'queue'>>> {
  const socket = { noDelay: true };
  const [publishing, consuming] = [await connect(url, socket), await connect(url, socket)];
  const producer = await publishing.createConfirmChannel();
  const consumer = await consuming.createChannel();
  await consumer.prefetch(WINDOW);
  await producer.assertQueue('alone', queueOptions);
  await producer.assertQueue('met', queueOptions);
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
      await producer.assertQueue(queue, queueOptions);
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
      await stop();
    },
  };
}
