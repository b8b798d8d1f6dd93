/** NATS as a contender: JetStream on files, a sync for each write, explicit acks, with the client of its makers. */

import { natsVersion, startNats } from '../../scripts/peers/nats.ts';
import { peerPackage } from '../../scripts/peers/peer-packages.ts';
import { timed } from '../runtime/client.ts';
import { Arrival } from '../runtime/arrival.ts';
import { BODY, Countdown, WINDOW, type Contender, type Running } from './contender.ts';

interface Message {
  ack(): void;
}

interface Consumer {
  consume(options: { max_messages: number; callback: (message: Message) => void }): Promise<{ stop(): void }>;
}

/** The part of the packages that is used. */
interface Transport {
  connect: (options: { servers: string }) => Promise<{ close(): Promise<void> }>;
}

interface JetStreamPackage {
  jetstream: (connection: object) => {
    publish(subject: string, payload: Uint8Array): Promise<unknown>;
    consumers: { get(stream: string, name: string): Promise<Consumer> };
  };
  jetstreamManager: (connection: object) => Promise<{
    streams: { add(config: object): Promise<unknown> };
    consumers: { add(stream: string, config: object): Promise<unknown> };
  }>;
}

export const natsContender: Contender = {
  name: 'NATS JetStream',
  about: `NATS ${natsVersion() ?? ''}, sync_interval always`,
  start,
};

async function start(): Promise<Running> {
  const { connect } = await peerPackage<Transport>('@nats-io/transport-node');
  const { jetstream, jetstreamManager } = await peerPackage<JetStreamPackage>('@nats-io/jetstream');
  const server = await startNats();
  const connection = await connect({ servers: server.server });
  const manager = await jetstreamManager(connection);
  const client = jetstream(connection);
  const declare = async (name: string): Promise<void> => {
    await manager.streams.add({ name, subjects: [name], retention: 'workqueue', storage: 'file' });
    await manager.consumers.add(name, {
      durable_name: name,
      ack_policy: 'explicit',
      max_ack_pending: WINDOW,
    });
  };
  const consume = async (name: string, onMessage: () => void): Promise<{ stop(): void }> => {
    const consumer = await client.consumers.get(name, name);
    return await consumer.consume({
      max_messages: WINDOW,
      callback: (message) => {
        message.ack();
        onMessage();
      },
    });
  };
  await declare('alone');
  await declare('met');
  const arrival = new Arrival();
  const waiting = await consume('met', () => arrival.note());
  let rounds = 0;
  return {
    publish: () => client.publish('alone', BODY),
    deliver: async () => {
      const arrived = arrival.next();
      await client.publish('met', BODY);
      await arrived;
    },
    queue: async (messages) => {
      const name = `many${rounds++}`;
      await declare(name);
      const all = new Countdown(messages);
      const reading = await consume(name, () => all.note());
      await timed(messages, WINDOW, () => client.publish(name, BODY));
      await all.reached;
      reading.stop();
    },
    stop: async () => {
      waiting.stop();
      await connection.close();
      await server.stop();
    },
  };
}
