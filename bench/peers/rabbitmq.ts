/** RabbitMQ as a contender: a quorum queue, with amqplib. */

import { startRabbitmq } from '../../scripts/peers/rabbitmq.ts';
import { amqpRunning } from './amqp-client.ts';
import type { Contender } from './contender.ts';

export const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };

export const rabbitmqContender: Contender = {
  name: 'RabbitMQ',
  about: 'RabbitMQ of Debian, quorum queue, amqplib',
  start: async () => {
    const server = await startRabbitmq();
    return await amqpRunning(server.url, QUORUM, () => server.stop());
  },
};
