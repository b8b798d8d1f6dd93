/** A rule for many queues: it answers at once, publishes go on, and its progress can be read. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PolicyReply } from '../../../protocol/schemas/policies.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const QUEUES = 120;
let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted' });
  let next = 0;
  const declareRest = async (): Promise<void> => {
    while (next < QUEUES) await broker.call('PUT', `/v1/default/queues/many.${next++}`, {});
  };
  await Promise.all(Array.from({ length: 8 }, declareRest));
}, 60_000);
afterAll(() => broker.stop());

const put = (maxLength: number) =>
  broker.call<PolicyReply>('PUT', '/v1/default/policies/many', {
    pattern: 'many.*',
    definition: { max_length: maxLength },
  });

async function untilDone(): Promise<void> {
  for (;;) {
    const { body } = await broker.call<PolicyReply>('GET', '/v1/default/policies/many');
    expect(body.progress.queues_checked).toBeLessThanOrEqual(body.progress.queues_total);
    if (body.progress.done) return;
  }
}

const lengthOf = async (number: number): Promise<number | null> =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/many.${number}`)).body.max_length;

it('takes publishes while it is applied, and reaches every queue', async () => {
  const change = put(1_000);
  const published = await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      broker.call('POST', `/v1/default/queues/many.${number * 2}/messages`, { messages: [{ body: 1 }] }),
    ),
  );
  expect(new Set(published.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await change).body.progress.queues_total).toBe(QUEUES);
  await untilDone();
  for (const number of [0, 77, QUEUES - 1]) expect(await lengthOf(number)).toBe(1_000);
});

it('goes on after the broker was stopped half-way', async () => {
  await put(2_000);
  await broker.restart();
  await untilDone();
  for (const number of [0, 77, QUEUES - 1]) expect(await lengthOf(number)).toBe(2_000);
});
