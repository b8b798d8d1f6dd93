/** What the fuzzer takes for a refusal that has stored nothing. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';
import { readAnswer } from './answers.ts';
import { difference, snapshot } from './snapshot.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

it('an exchange that only some destinations could refuse has stored a part, and says so', async () => {
  await broker.call('PUT', '/v1/default/topics/victim', { partitions: 1 });
  await broker.call('PUT', '/v1/default/queues/victim', {});
  await broker.call('PUT', '/v1/default/exchanges/both', { type: 'fanout' });
  const bind = (kind: string) =>
    broker.call('POST', '/v1/default/exchanges/both/bindings', { destination: { kind, name: 'victim' } });
  const { id, epoch } = (
    await broker.call<{ id: number; epoch: number }>('POST', '/v1/default/producers', {})
  ).body;
  const publish = async (sequence: number): ReturnType<typeof readAnswer> => {
    const body = { messages: [{ body: 1 }], producer: { id, epoch, sequence } };
    const request = { method: 'POST', body: JSON.stringify(body) };
    const reply = await fetch(`${broker.url}/v1/default/exchanges/both/messages`, request);
    return await readAnswer(reply, 'publish');
  };
  await bind('topic');
  expect((await publish(10)).status).toBe(200);
  await bind('queue');
  const before = await snapshot(broker);
  const refused = { status: 409, code: 'out_of_order_sequence', wrong: [] };
  expect(await publish(9)).toEqual({ ...refused, isPart: true });
  expect(difference(before, await snapshot(broker))?.part).toBe('queue victim');
  expect(await publish(8)).toEqual({ ...refused, isPart: false });
});
