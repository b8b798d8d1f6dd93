/** What moves by itself is told from what a request has done. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Deliveries } from '../../protocol/schemas/deliveries.ts';
import { until } from '../support/broker/serve-process.ts';
import { TestBroker } from '../support/broker/test-broker.ts';
import { TransactionClient } from '../support/clients/transaction-client.ts';
import { Movers } from './movers.ts';
import { difference, snapshot } from './snapshot.ts';

let broker: TestBroker;
let movers: Movers;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
  movers = new Movers(broker);
  await broker.declare('victim');
  for (const queue of ['victim', 'other'])
    await broker.call('PUT', `/v1/default/queues/${queue}`, { dead_letter: { queue: 'other' } });
});
afterAll(() => broker.stop());

/** What has moved beside, and what is said of it. */
async function moved(act: () => Promise<unknown>): Promise<{ part: string; by: string[] }> {
  const before = await snapshot(broker);
  await act();
  let after = before;
  await until('it has moved', async () => {
    after = await snapshot(broker);
    return difference(before, after) !== null;
  });
  const changed = difference(before, after)!;
  return { part: changed.part, by: await movers.since(before, changed) };
}

it('knows a marker of a transaction that ran out of time', async () => {
  const transaction = await TransactionClient.begin(() => broker, 'other', { transaction_timeout_ms: 1_000 });
  await transaction.send('victim', 0, 'never committed');
  expect(await moved(() => broker.advance(2_000))).toEqual({ part: 'log ends', by: ['transaction timeout'] });
});

it('knows a dead letter', async () => {
  const path = '/v1/default/queues/victim';
  await broker.call('POST', `${path}/messages`, { messages: [{ body: 1 }] });
  const taken = await broker.call<Deliveries>('POST', `${path}/deliveries`, {});
  const { delivery_tag: tag } = taken.body.deliveries[0]!;
  const reject = () => broker.call('POST', `${path}/settlements`, { reject: [{ tag }] });
  expect(await moved(reject)).toEqual({ part: 'queue other', by: ['dead letter of victim'] });
});

it('does not take what a request has done for any of it', async () => {
  expect(await moved(() => broker.produce('victim', [{ value: 1 }]))).toEqual({ part: 'log ends', by: [] });
  const publish = () =>
    broker.call('POST', '/v1/default/queues/victim/messages', { messages: [{ body: 1 }] });
  expect(await moved(publish)).toEqual({ part: 'queue victim', by: [] });
});
