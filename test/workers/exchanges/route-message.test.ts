/** Where a message would go, over HTTP: through exchanges, for those who may see them, and without a publish. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn } from '../../../sdk/index.ts';
import type { Route } from '../../../protocol/schemas/routes.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let posthorn: Posthorn;
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('team');
  posthorn = new Posthorn({ url: locked.broker.url, namespace: 'team', token: ROOT });
  const { exchanges, queues, topics } = posthorn;
  for (const queue of ['mails', 'rest-q']) await queues.declare(queue);
  await topics.declare('log', { partitions: 1 });
  await exchanges.declare('rest', { type: 'fanout' });
  await exchanges.declare('eu', { type: 'headers', alternateExchange: 'rest' });
  await exchanges.declare('events', { type: 'topic' });
  await exchanges.declare('inner', { internal: true });
  await exchanges.bind('events', { exchange: 'eu' }, { routingKey: '*.eu' });
  await exchanges.bind('events', { topic: 'log' }, { routingKey: '#' });
  await exchanges.bind('eu', { queue: 'mails' }, { arguments: { kind: 'gold' } });
  await exchanges.bind('rest', { queue: 'rest-q' });
});
afterAll(() => locked.broker.stop());

const names = (destinations: { kind: string; name: string }[]): string[] =>
  destinations.map(({ kind, name }) => `${kind}/${name}`).toSorted();

describe('the route of a message', () => {
  it.each([
    ['orders.eu', { kind: 'gold' }, ['queue/mails', 'topic/log'], ['events', 'eu']],
    ['orders.eu', {}, ['queue/rest-q', 'topic/log'], ['events', 'eu', 'rest']],
    ['orders', {}, ['topic/log'], ['events']],
  ])('with key %s and headers %j is %j', async (routingKey, headers, destinations, by) => {
    const route = await posthorn.exchanges.route('events', { routingKey, headers });
    expect(names(route.destinations)).toEqual(destinations);
    expect(route.steps.map(({ exchange }) => exchange)).toEqual(by);
    expect(route).toMatchObject({
      destinationCount: destinations.length,
      isUnroutable: false,
      hiddenSteps: 0,
    });
    for (const queue of ['mails', 'rest-q'])
      expect((await posthorn.queues.get(queue)).state.ready, 'nothing is published').toBe(0);
  });

  it('that leads nowhere is unroutable; through the default exchange it is a queue', async () => {
    expect(await posthorn.exchanges.route('eu', { headers: { kind: 'gold' } })).toMatchObject({
      isUnroutable: false,
    });
    expect(await posthorn.exchanges.route('', { routingKey: 'nobody' })).toMatchObject({
      destinations: [],
      isUnroutable: true,
      steps: [{ exchange: 'amq.default', by: 'publish', from: null }],
    });
    const direct = await posthorn.exchanges.route('', { routingKey: 'mails' });
    expect(direct.destinations).toEqual([{ kind: 'queue', name: 'mails' }]);
  });

  it('is refused where a publish would be, and where fields are wrong', async () => {
    await expect(posthorn.exchanges.route('none')).rejects.toMatchObject({ code: 'exchange_not_found' });
    await expect(posthorn.exchanges.route('inner')).rejects.toMatchObject({ code: 'exchange_internal' });
    for (const body of [
      { routing_key: 1 },
      { headers: { ':x': 'y' } },
      { body: 1 },
      { routing_key: 'é'.repeat(128) },
    ]) {
      const { status } = await locked.call('POST', '/v1/team/exchanges/events/route', body);
      expect(status, JSON.stringify(body)).toBe(400);
    }
  });

  it('shows only exchanges that the token may view', async () => {
    const scopes = [{ kind: 'exchange' as const, name: 'events', actions: ['view' as const] }];
    const { token } = await locked.token('team', { scopes });
    const { status, body } = await locked.call<Route>(
      'POST',
      '/v1/team/exchanges/events/route',
      { routing_key: 'a.eu' },
      token,
    );
    expect(status).toBe(200);
    expect(names(body.destinations)).toEqual(['topic/log']);
    expect(body).toMatchObject({ destination_count: 2, hidden_steps: 2, unroutable: false });
    expect(body.steps.map(({ exchange }) => exchange)).toEqual(['events']);
  });
});
