/** A subscription that stores messages in another namespace asks for rights at both ends. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { until } from '../../support/clients/webhook-receiver.ts';
import { LockedBroker } from './support.ts';

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

it('takes messages to a namespace for those who may write there, and for nobody else', async () => {
  const blue = (await locked.team('blue')).admin.token;
  await locked.team('green');
  await locked.call('PUT', '/v1/blue/queues/out', {});
  await locked.call('PUT', '/v1/green/queues/in', {});
  const declaration = { source: { queue: 'out' }, target: { namespace: 'green', queue: 'in' } };
  const path = '/v1/blue/subscriptions/to-green';
  expect((await locked.call('PUT', path, declaration, blue)).status).toBe(403);
  const nowhere = { ...declaration, target: { namespace: 'nowhere', queue: 'in' } };
  expect((await locked.call('PUT', path, nowhere, blue)).status).toBe(403);
  const document = { posthorn: 1, subscriptions: [{ subscription: 'to-green', ...declaration }] };
  expect((await locked.call('PUT', '/v1/blue/definitions', document, blue)).status).toBe(403);
  expect((await locked.call('GET', path)).status).toBe(404);
  expect((await locked.call('PUT', path, declaration)).status).toBe(201);
  await locked.call('POST', '/v1/blue/queues/out/messages', { messages: [{ body: 'across' }] }, blue);
  await until(
    async () => (await locked.call<QueueWithStateReply>('GET', '/v1/green/queues/in')).body.state.ready === 1,
    'the message in the other namespace',
  );
});
