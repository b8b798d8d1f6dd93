/** AMQP publishers while the broker refuses messages: they are told, and nothing that they have sent is lost. */

import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { ManagementServer } from '../../../gateway/management/management-server.ts';
import { failure, problemOf } from '../../../protocol/errors.ts';
import { LockedBroker } from '../../workers/access/support.ts';
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

it('are told of the quota of stored bytes; what was published meanwhile is stored when there is room', async () => {
  const locked = await LockedBroker.start();
  await locked.call('PUT', '/admin/v1/namespaces/small', { quotas: { stored_bytes: 1_000_000 } });
  const { token } = await locked.token('small', { roles: ['admin'] });
  const small = await AmqpServer.start({ url: locked.broker.url, port: 0 });
  const connection = await connect(`amqp://anybody:${token}@127.0.0.1:${small.port}/small`);
  connections.push(connection);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('jobs');
  const blocked = once(connection, 'blocked');
  const body = Buffer.alloc(20_000, 'x');
  let confirmed = 0;
  let sent = 0;
  let isBlocked = false;
  void blocked.then(() => (isBlocked = true));
  while (!isBlocked && sent < 500) {
    channel.sendToQueue('jobs', body, {}, (error) => error === null && confirmed++);
    sent++;
    await new Promise((resolve) => setImmediate(resolve));
    if (sent - confirmed > 4) await Promise.race([blocked, channel.waitForConfirms()]);
  }
  expect(await blocked).toEqual([expect.stringContaining('as many bytes as its quota allows')]);
  const unblocked = once(connection, 'unblocked');
  await locked.call('PATCH', '/admin/v1/namespaces/small', { quotas: { stored_bytes: 100_000_000 } });
  await unblocked;
  await channel.waitForConfirms();
  expect(confirmed).toBe(sent);
  expect((await channel.checkQueue('jobs')).messageCount).toBe(sent);
  await connection.close();
  await small.stop();
  await locked.broker.stop();
});

it('are told of a full disk; what was published meanwhile is stored when there is room', async () => {
  const door = await fullDisk(broker.url);
  const behind = await AmqpServer.start({ url: door.url, port: 0 });
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${behind.port}`);
  connections.push(connection);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('no-room');
  door.isFull = true;
  const blocked = once(connection, 'blocked');
  for (let at = 0; at < 50; at++) channel.sendToQueue('no-room', Buffer.from(String(at)));
  expect(await blocked).toEqual([expect.stringContaining('the disk of the broker is full')]);
  const unblocked = once(connection, 'unblocked');
  door.isFull = false;
  await unblocked;
  await channel.waitForConfirms();
  expect((await channel.checkQueue('no-room')).messageCount).toBe(50);
  await connection.close();
  await behind.stop();
  await door.stop();
});

/** A door of the broker that answers publishes as the broker does whose disk is full. Requests go by themselves: it opens no sockets. */
async function fullDisk(url: string): Promise<{ url: string; isFull: boolean; stop: () => Promise<void> }> {
  const refusal = JSON.stringify(
    problemOf(failure('disk_full', 'the disk of the broker is full', { retry_after_s: 1 })),
  );
  const door = { url: '', isFull: false, stop: async () => {} };
  const server = createServer((request, response) => {
    void (async () => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
      if (door.isFull && request.method === 'POST' && request.url!.includes('/messages')) {
        const { status } = problemOf(failure('disk_full', ''));
        response.writeHead(status, { 'content-type': 'application/problem+json' }).end(refusal);
        return;
      }
      const reply = await fetch(new URL(request.url!, url), {
        method: request.method!,
        headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
        ...(body.length > 0 && { body }),
      });
      const headers = { 'content-type': reply.headers.get('content-type') ?? 'application/json' };
      response.writeHead(reply.status, headers).end(Buffer.from(await reply.arrayBuffer()));
    })();
  });
  server.on('upgrade', (_, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  door.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  door.stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return door;
}
