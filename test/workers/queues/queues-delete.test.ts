/** Deleting a queue: no message goes with it that was taken after the answer, or by one that was deleted if it was empty. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

const path = (queue: string): string => `/v1/default/queues/${queue}`;
const publish = async (queue: string): Promise<number> =>
  (await broker.call('POST', `${path(queue)}/messages`, { messages: [{ body: 1 }] })).status;
const ready = async (queue: string): Promise<number> =>
  (await broker.call<QueueWithStateReply>('GET', path(queue))).body.state.ready;

it('is refused by a message that was taken, or refuses those that come', async () => {
  const seen = new Set<number>();
  for (let round = 0; round < 60; round++) {
    const queue = `racing-${round}`;
    await broker.call('PUT', path(queue), {});
    const publishing = [0, 1, 2, 3].map(async (turns) => {
      for (let turn = 0; turn < turns; turn++) await broker.call('GET', '/healthz');
      return await publish(queue);
    });
    for (let turn = 0; turn < round % 3; turn++) await broker.call('GET', '/healthz');
    const { status } = await broker.call('DELETE', `${path(queue)}?if_empty=true`);
    const stored = (await Promise.all(publishing)).filter((answer) => answer === 200).length;
    expect(status).toBeOneOf([200, 409]);
    seen.add(status);
    if (status === 200) expect(stored).toBe(0);
    else expect(await ready(queue)).toBe(stored);
  }
  console.log('deletions were answered with', [...seen]);
});

it('counts messages that consumers hold as use', async () => {
  await broker.call('PUT', path('held'), {});
  await publish('held');
  await broker.call('POST', `${path('held')}/deliveries`, {});
  const refused = await broker.call('DELETE', `${path('held')}?if_unused=true`);
  expect([refused.status, refused.body]).toMatchObject([409, { code: 'queue_in_use', leased: 1 }]);
});

it('leaves a queue open again when the topology dies between closing and deleting it', async () => {
  await broker.call('PUT', path('closed'), {});
  await broker.call('POST', '/test/close-queue?name=closed');
  expect(await publish('closed')).toBe(503);
  await broker.restart();
  expect(await publish('closed')).toBe(503);
  await broker.advance(30_001);
  expect(await publish('closed')).toBe(200);
  expect(await ready('closed')).toBe(1);
});

it('takes nothing more from a router that knows it from before, also where it has not heard of its deletion', async () => {
  await broker.call('PUT', path('gone'), {});
  const { miniflare } = broker.broker;
  const topologies = await miniflare.getDurableObjectNamespace('TOPOLOGY', 'posthorn');
  const topology = topologies.getByName('default') as unknown as {
    definitions(queues: string[], topics: string[]): Promise<{ queues: { id: number; version: number }[] }>;
  };
  const { id, version } = (await topology.definitions(['gone'], [])).queues[0]!;
  const queues = await miniflare.getDurableObjectNamespace('QUEUE', 'posthorn');
  const queue = queues.getByName(`default/gone#${id}`) as unknown as {
    publish(version: number, bytes: Uint8Array): Promise<unknown>;
  };
  const publishAsBefore = (): Promise<unknown> =>
    queue.publish(version, encodeBatch([{ key: null, value: new Uint8Array(1), timestamp: Date.now() }]));
  expect(await publishAsBefore()).toMatchObject({ count: 1 });
  await broker.call('POST', '/test/failing?queue=gone&mode=destroy');
  expect((await broker.call('DELETE', path('gone'))).status).toBe(200);
  expect(await publishAsBefore()).toEqual({ stale: true });
  await broker.advance(30_001);
  for (let attempt = 0; attempt < 3; attempt++) expect(await publishAsBefore()).toEqual({ stale: true });
  await broker.call('POST', '/test/failing');
  expect(await publish('gone')).toBe(404);
});

it('closes no queue that has taken the name of one that wants to delete itself', async () => {
  await broker.call('PUT', path('renewed'), {});
  const topologies = await broker.broker.miniflare.getDurableObjectNamespace('TOPOLOGY', 'posthorn');
  const topology = topologies.getByName('default') as unknown as {
    deleteQueue(name: string, deletion: { id: number }): Promise<unknown>;
  };
  expect(await topology.deleteQueue('renewed', { id: 1 })).toMatchObject({ code: 'queue_not_found' });
  expect(await publish('renewed')).toBe(200);
});
