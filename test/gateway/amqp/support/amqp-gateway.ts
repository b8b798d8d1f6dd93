/** AMQP gateway of a test file: a broker, a gateway before it, and a connection of amqplib, from the first test to the last. */

import { connect, type ChannelModel } from 'amqplib';
import { afterAll, beforeAll } from 'vitest';
import { AmqpServer } from '../../../../gateway/amqp/connection/amqp-server.ts';
import { TestBroker } from '../../../support/broker/test-broker.ts';

export interface AmqpGateway {
  readonly broker: TestBroker;
  readonly connection: ChannelModel;
  /** Another connection, which its test closes. */
  open(): Promise<ChannelModel>;
}

export function amqpGatewayForTests(): AmqpGateway {
  let broker: TestBroker;
  let server: AmqpServer;
  let connection: ChannelModel;
  const open = (): Promise<ChannelModel> => connect(`amqp://guest:guest@127.0.0.1:${server.port}`);
  beforeAll(async () => {
    broker = await TestBroker.start();
    server = await AmqpServer.start({ url: broker.url, port: 0 });
    connection = await open();
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
    await broker?.stop();
  });
  return {
    get broker() {
      return broker;
    },
    get connection() {
      return connection;
    },
    open,
  };
}
