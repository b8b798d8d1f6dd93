/** AMQP publishers while the broker refuses messages: they are told, and nothing that they have sent is lost. */

import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { ManagementServer } from '../../../gateway/management/management-server.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let server: AmqpServer;
const connections: ChannelModel[] = [];
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its ceiling is reached' });
  server = await AmqpServer.start({ url: broker.url, port: 0 });
});
afterEach(async () => {
  await limit(null);
  for (const connection of connections.splice(0)) await connection.close().catch(() => {});
});
afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

async function open(): Promise<ChannelModel> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${server.port}`);
  connection.on('error', () => {});
  connections.push(connection);
  return connection;
}

const limit = (rows: number | null): Promise<unknown> =>
  broker.call('PUT', '/v1/default/limits', { rows_written_per_hour: rows });
const readyIn = async (queue: string): Promise<number> =>
  (await broker.call<{ state: { ready: number } }>('GET', `/v1/default/queues/${queue}`)).body.state.ready;

/** Has the broker refuse everything: what was written in this hour is more already. */
async function refuseAll(queue: string): Promise<void> {
  await limit(1);
  await expect
    .poll(async () => {
      const body = { messages: [{ body: 1 }] };
      return (await broker.call('POST', `/v1/default/queues/${queue}/messages`, body)).body.code;
    })
    .toBe('cost_ceiling');
}

it('are told of the ceiling and of its end; what was published meanwhile is stored, confirmed or not', async () => {
  const connection = await open();
  const confirming = await connection.createConfirmChannel();
  const plain = await connection.createChannel();
  const bystander = await open();
  let told = 0;
  bystander.on('blocked', () => told++);
  await plain.assertQueue('capped');
  await refuseAll('capped');
  const before = await readyIn('capped');
  const blocked = once(connection, 'blocked');
  let confirmed = 0;
  for (let at = 0; at < 100; at++) {
    confirming.sendToQueue('capped', Buffer.from('confirmed'), {}, (error) => {
      if (error === null) confirmed++;
    });
    plain.sendToQueue('capped', Buffer.from('plain'));
  }
  expect(await blocked).toEqual([expect.stringContaining('ceiling of rows')]);
  expect(confirmed).toBe(0);
  expect(told).toBe(0);
  const unblocked = once(connection, 'unblocked');
  await limit(null);
  await unblocked;
  await confirming.waitForConfirms();
  expect(confirmed).toBe(100);
  await expect.poll(() => readyIn('capped')).toBe(before + 200);
});

it('connections that publish elsewhere are not blocked, and methods that wait go on after', async () => {
  const connection = await open();
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  await channel.assertQueue('waiting');
  await refuseAll('waiting');
  const blocked = once(connection, 'blocked');
  channel.sendToQueue('waiting', Buffer.from('one'));
  await blocked;
  const checked = channel.checkQueue('waiting'); // sees the publish before it
  await limit(null);
  expect((await checked).messageCount).toBeGreaterThanOrEqual(1);
});

it('the management API does not wait', async () => {
  const management = await ManagementServer.start({ url: broker.url, port: 0 });
  await broker.call('PUT', '/v1/default/queues/managed', {});
  await refuseAll('managed');
  const reply = await fetch(`http://127.0.0.1:${management.port}/api/exchanges/%2F/amq.default/publish`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('guest:guest')}` },
    body: JSON.stringify({
      routing_key: 'managed',
      payload: 'x',
      payload_encoding: 'string',
      properties: {},
    }),
  });
  expect(reply.status).toBe(400);
  expect(await reply.text()).toContain('ceiling of rows');
  await limit(null);
  await management.stop();
});
