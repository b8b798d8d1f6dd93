/** What hands messages on asks for rights where they go: in another namespace, and in queues of dead letters. */

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

it('sends dead letters to a default queue, but not to one of that name that belongs to something else', async () => {
  await locked.namespace('letters');
  const base = '/v1/letters';
  await locked.call('PUT', `${base}/topics/log`, { partitions: 1 });
  for (const queue of ['orders', 'orders.dlq', 'mine.dlq'])
    await locked.call(
      'PUT',
      `${base}/queues/${queue}`,
      queue.startsWith('orders') ? { dead_letter: 'none' } : {},
    );
  const topic = { kind: 'topic', name: 'log', actions: ['read'] } as const;
  const manage = (kind: 'subscription' | 'group') => ({ kind, name: '*', actions: ['manage'] }) as const;
  const { token } = await locked.token('letters', {
    scopes: [topic, manage('subscription'), manage('group')],
  });
  const put = async (path: string, fields: object, by = token): Promise<[number, string]> => {
    const { status, body } = await locked.call('PUT', `${base}/${path}`, fields, by);
    return [status, body.detail ?? ''];
  };
  const subscription = { source: { topic: 'log' }, target: { url: 'https://example.com/' } };
  const group = { topics: ['log'] };
  for (const name of ['orders', 'mine']) {
    const refused = [403, `the credential does not allow queue:${name}.dlq:write`];
    expect(await put(`subscriptions/${name}`, subscription)).toEqual(refused);
    expect(await put(`share-groups/${name}`, group)).toEqual(refused);
    const document = {
      posthorn: 1,
      subscriptions: [
        { subscription: 'other', ...subscription },
        { subscription: name, ...subscription },
      ],
    };
    expect(await put('definitions', document)).toEqual(refused);
    expect(
      await put('definitions', { posthorn: 1, share_groups: [{ share_group: name, ...group }] }),
    ).toEqual(refused);
  }
  const none = { ...subscription, source: { topic: 'log', dead_letter: 'none' } };
  expect((await put('subscriptions/mine', none))[0]).toBe(201);
  // The queue that was made for it is good for one of its name that is made anew.
  for (let time = 0; time < 2; time++) {
    expect((await put('subscriptions/own', subscription))[0]).toBe(201);
    expect((await put('subscriptions/own', subscription))[0]).toBe(200);
    expect((await locked.call('DELETE', `${base}/subscriptions/own`, undefined, token)).status).toBe(200);
  }
  expect((await put('share-groups/own', group))[0]).toBe(201);
  expect((await put('subscriptions/own', subscription))[0]).toBe(403);
  const writing = { kind: 'queue', name: 'orders.dlq', actions: ['write'] } as const;
  const { token: writer } = await locked.token('letters', {
    scopes: [topic, manage('subscription'), writing],
  });
  expect((await put('subscriptions/orders', subscription, writer))[0]).toBe(201);
});
