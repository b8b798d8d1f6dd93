/** Policies by the management API: their form, and what they do to the queues that AMQP clients declare. */

import type { ConfirmChannel } from 'amqplib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ManagementServer } from '../../../gateway/management/management-server.ts';
import { amqpGatewayForTests } from '../amqp/support/amqp-gateway.ts';
import { callManagement } from './management-calls.ts';

const gateway = amqpGatewayForTests();
let server: ManagementServer;
let channel: ConfirmChannel;
beforeAll(async () => {
  server = await ManagementServer.start({ url: gateway.broker.url, port: 0 });
  channel = await gateway.connection.createConfirmChannel();
});
afterAll(() => server?.stop());

const call = <Body>(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> =>
  callManagement(server, method, path, { body });

const letters = {
  pattern: '^letters\\.',
  definition: { 'dead-letter-exchange': 'dead', 'max-length': 5 },
  priority: 3,
  'apply-to': 'queues',
};

it('are put, shown, listed, exported and deleted', async () => {
  expect((await call('PUT', 'policies/%2F/letters', letters)).status).toBe(201);
  const shown = { ...letters, pattern: '^letters\\..*$', vhost: '/', name: 'letters' };
  expect((await call('GET', 'policies/%2F/letters')).body).toEqual(shown);
  expect((await call('GET', 'policies/%2F')).body).toEqual([shown]);
  expect((await call('GET', 'policies')).body).toContainEqual(shown);
  const exported = (await call<{ policies: object[] }>('GET', 'definitions/%2F')).body;
  const { vhost: _, ...entry } = shown;
  expect(exported.policies).toEqual([entry]);
  expect((await call('DELETE', 'policies/%2F/letters')).status).toBe(204);
  expect((await call('DELETE', 'policies/%2F/letters')).status).toBe(404);
  expect((await call('GET', 'policies/%2F')).body).toEqual([]);
  expect((await call('POST', 'definitions/%2F', exported)).body).toMatchObject({
    taken: { policies: 1 },
    left_out: [],
  });
  expect((await call('GET', 'policies/%2F/letters')).body).toEqual(shown);
  expect((await call('DELETE', 'policies/%2F/letters')).status).toBe(204);
});

it.each([
  ['a pattern that no glob says', { pattern: '^(a|b)$' }, '^(a|b)$'],
  ['a policy of exchanges', { 'apply-to': 'exchanges' }, 'exchanges'],
  [
    'a setting that no queue has',
    { definition: { 'max-length': 1, 'federation-upstream-set': 'all' } },
    'federation-upstream-set',
  ],
  ['no setting that queues have', { definition: { 'ha-mode': 'all' } }, 'ha-mode'],
  ['a value of another type', { definition: { 'max-length': 'five' } }, 'max-length'],
  ['a definition that is none', { definition: 5 }, 'sets nothing'],
])('refuse %s', async (_, fields, reason) => {
  const { status, body } = await call<{ reason: string }>('PUT', 'policies/%2F/refused', {
    ...letters,
    ...fields,
  });
  expect([status, body.reason]).toEqual([400, expect.stringContaining(reason)]);
  expect((await call('GET', 'policies/%2F/refused')).status).toBe(404);
});

it('set what a queue was declared without, before and after its declaration, and what it has is its own', async () => {
  await channel.assertExchange('dead', 'fanout');
  await channel.assertQueue('dead-letters');
  await channel.bindQueue('dead-letters', 'dead', '');
  await channel.assertQueue('letters.before');
  const own = { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'own-letters' } };
  await channel.assertQueue('letters.own', own);
  await channel.assertQueue('own-letters');
  await call('PUT', 'policies/%2F/letters', letters);
  await channel.assertQueue('letters.after');
  const lettersOf = async (queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount;
  const deadTo = async (queue: string): Promise<void> => {
    channel.sendToQueue(queue, Buffer.from('x'));
    await channel.waitForConfirms();
    const message = await channel.get(queue);
    channel.reject(message as Exclude<typeof message, false>, false);
  };
  for (const [index, queue] of ['letters.before', 'letters.after'].entries()) {
    await expect
      .poll(async () => (await call<{ arguments: object }>('GET', `queues/%2F/${queue}`)).body.arguments)
      .toEqual({ 'x-max-length': 5, 'x-dead-letter-exchange': 'dead' });
    await deadTo(queue);
    await expect.poll(() => lettersOf('dead-letters'), { timeout: 20_000 }).toBe(index + 1);
  }
  await deadTo('letters.own');
  await expect.poll(() => lettersOf('own-letters'), { timeout: 20_000 }).toBe(1);
  // A client that declares them again has asked for nothing else.
  await channel.assertQueue('letters.before');
  await channel.assertQueue('letters.own', own);
  await call('DELETE', 'policies/%2F/letters');
  await expect
    .poll(async () => (await call<{ arguments: object }>('GET', 'queues/%2F/letters.after')).body.arguments)
    .toEqual({});
});
