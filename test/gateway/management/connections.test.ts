/** Connections of a gateway in the management API, with channels and consumers: shown to who has their credential, who can close them. */

import { connect, type ChannelModel } from 'amqplib';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { ManagementServer } from '../../../gateway/management/management-server.ts';
import { LockedBroker } from '../../workers/access/support.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { callManagement, type CallOptions } from './management-calls.ts';

interface Shown {
  name: string;
  channels: number;
  client_properties: { connection_name?: string };
}

let broker: TestBroker;
let amqp: AmqpServer;
let management: ManagementServer;
beforeAll(async () => {
  broker = await TestBroker.start();
  amqp = await AmqpServer.start({ url: broker.url, port: 0 });
  management = await ManagementServer.start({ url: broker.url, port: 0, amqp });
});
afterAll(async () => {
  await management?.stop();
  await amqp?.stop();
  await broker?.stop();
});

const call = (method: string, path: string, options: CallOptions = {}): ReturnType<typeof callManagement> =>
  callManagement(management, method, path, options);

async function opened(url: string, name: string): Promise<ChannelModel> {
  const connection = await connect(url, { clientProperties: { connection_name: name } });
  connection.on('error', () => {});
  return connection;
}

const list = async (options: object = {}): Promise<Shown[]> =>
  (await call('GET', 'connections', options)).body as Shown[];

it('shows connections and closes the one that is named, whose client learns why', async () => {
  const url = `amqp://guest:guest@127.0.0.1:${amqp.port}`;
  const first = await opened(url, 'first');
  const second = await opened(url, 'second');
  await first.createChannel();
  const shown = await list();
  const names = shown.map(({ client_properties: { connection_name: name } }) => name);
  expect(names.toSorted()).toEqual(['first', 'second']);
  const one = shown.find(({ client_properties: { connection_name: name } }) => name === 'first')!;
  expect(one).toMatchObject({ user: 'guest', vhost: '/', channels: 1, state: 'running' });
  expect(one.name).toContain(` -> `);
  const path = `connections/${encodeURIComponent(one.name)}`;
  expect((await call('GET', path)).body).toMatchObject({ name: one.name });
  const closed = once(first, 'close');
  expect((await call('DELETE', path)).status).toBe(204);
  expect(String(await closed)).toContain('CONNECTION_FORCED - Closed via management plugin');
  await expect.poll(async () => (await list()).length).toBe(1);
  expect((await call('DELETE', path)).status).toBe(404);
  await second.close();
  await expect.poll(list).toEqual([]);
});

it('shows a token the connections that have logged in with it, and lets it close no others', async () => {
  const locked = await LockedBroker.start();
  const server = await AmqpServer.start({ url: locked.broker.url, port: 0 });
  const shownAt = await ManagementServer.start({ url: locked.broker.url, port: 0, amqp: server });
  try {
    await locked.namespace('team');
    const made = () => locked.token('team', { roles: ['admin'] });
    const tokens = [(await made()).token, (await made()).token];
    const [own, other] = tokens.map((token) => ({ login: `anybody:${token}`, port: shownAt.port }));
    const connection = await opened(`amqp://anybody:${tokens[0]}@127.0.0.1:${server.port}/team`, 'own');
    const [one] = await list(own);
    expect(one).toMatchObject({
      user: 'anybody',
      vhost: 'team',
      client_properties: { connection_name: 'own' },
    });
    expect(await list(other)).toEqual([]);
    const path = `connections/${encodeURIComponent(one!.name)}`;
    expect((await call('DELETE', path, other)).status).toBe(404);
    expect((await call('DELETE', path, own)).status).toBe(204);
    await connection.close().catch(() => {});
  } finally {
    await shownAt.stop();
    await server.stop();
    await locked.broker.stop();
  }
});

it('shows channels and consumers, of one connection, of a virtual host and of all', async () => {
  const connection = await opened(`amqp://guest:guest@127.0.0.1:${amqp.port}`, 'consuming');
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(7);
  const { queue } = await channel.assertQueue('shown-consumers');
  const options = { consumerTag: 'reader', exclusive: true, arguments: { 'x-priority': 3 } };
  const taken = Promise.withResolvers<unknown>();
  await channel.consume(queue, (message) => taken.resolve(message), options);
  channel.sendToQueue(queue, Buffer.from('held'));
  await taken.promise;
  const [own] = await list();
  const ofChannel = {
    name: `${own!.name} (1)`,
    number: 1,
    vhost: '/',
    user: 'guest',
    confirm: true,
    transactional: false,
    prefetch_count: 7,
    consumer_count: 1,
    messages_unacknowledged: 1,
    connection_details: { name: own!.name, peer_host: '127.0.0.1' },
  };
  const ofConsumer = {
    consumer_tag: 'reader',
    queue: { name: queue, vhost: '/' },
    ack_required: true,
    exclusive: true,
    prefetch_count: 7,
    arguments: { 'x-priority': 3 },
    channel_details: { name: ofChannel.name, connection_name: own!.name },
  };
  const connectionPath = `connections/${encodeURIComponent(own!.name)}`;
  for (const path of ['channels', `${connectionPath}/channels`, 'vhosts/%2F/channels']) {
    expect((await call('GET', path)).body, path).toMatchObject([ofChannel]);
  }
  const channelPath = `channels/${encodeURIComponent(ofChannel.name)}`;
  expect((await call('GET', channelPath)).body).toMatchObject({
    ...ofChannel,
    consumer_details: [ofConsumer],
  });
  for (const path of ['consumers', 'consumers/%2F']) {
    expect((await call('GET', path)).body, path).toMatchObject([ofConsumer]);
  }
  expect((await call('GET', 'consumers/elsewhere')).body).toEqual([]);
  expect((await call('GET', 'channels/none')).status).toBe(404);
  expect((await call('GET', 'overview')).body).toMatchObject({
    object_totals: { connections: 1, channels: 1 },
    listeners: [
      { protocol: 'amqp', port: amqp.port },
      { protocol: 'http', port: management.port },
    ],
  });
  for (const path of ['vhosts/%2F/connections', 'connections/username/guest']) {
    expect((await call('GET', path)).body, path).toMatchObject([{ name: own!.name }]);
  }
  expect((await call('GET', 'connections/username/nobody')).body).toEqual([]);
  const closed = once(connection, 'close');
  expect((await call('DELETE', 'connections/username/guest')).status).toBe(204);
  await closed;
});

it('says whether somebody listens on a port or for a protocol', async () => {
  const check = async (path: string): Promise<number> => (await call('GET', `health/checks/${path}`)).status;
  expect(await check(`port-listener/${amqp.port}`)).toBe(200);
  expect(await check('port-listener/1')).toBe(503);
  expect(await check('protocol-listener/amqp091')).toBe(200);
  expect(await check('protocol-listener/amqps')).toBe(503);
});
