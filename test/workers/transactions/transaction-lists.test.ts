/** Lists of transactional ids, and of the producers of a partition. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ProducerList } from '../../../protocol/schemas/producers.ts';
import type { TransactionList } from '../../../protocol/schemas/transactions.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { TransactionClient } from '../../support/clients/transaction-client.ts';

let broker: TestBroker;
beforeAll(async () => void (broker = await TestBroker.start()));
afterAll(() => broker.stop());

it('tells the transactional ids that were used, page by page', async () => {
  const list = async (query: string): Promise<TransactionList> =>
    (await broker.call<TransactionList>('GET', `/v1/default/transactions${query}`)).body;
  const before = await list('');
  for (const name of ['list c', 'list/a', 'list b']) {
    const tx = await TransactionClient.begin(() => broker, name);
    await tx.end('commit');
  }
  const ids = ({ transactions }: TransactionList): string[] =>
    transactions.map(({ transactional_id: id }) => id);
  const all = await list('');
  expect(ids(all)).toEqual([...ids(before), 'list b', 'list c', 'list/a'].toSorted());
  expect(all.next).toBeUndefined();
  const first = await list('?after=list%20&limit=2');
  expect(ids(first)).toEqual(['list b', 'list c']);
  expect(first.next).toBe('list c');
  expect(ids(await list('?after=list%20c&limit=1'))).toEqual(['list/a']);
});

it('tells the producers that a partition remembers, page by page', async () => {
  await broker.declare('remembered', { partitions: 2 });
  const path = '/v1/default/topics/remembered/partitions';
  const list = async (query: string): Promise<ProducerList> =>
    (await broker.call<ProducerList>('GET', `${path}/0/producers${query}`)).body;
  expect(await list('')).toEqual({ producers: [] });
  const open = await TransactionClient.begin(() => broker, 'open there');
  await open.send('remembered', 0, 'a', 'b');
  const ended = await TransactionClient.begin(() => broker, 'ended there');
  await ended.send('remembered', 0, 'c');
  await ended.end('commit');
  const { id } = open.producer;
  const told = [
    { id, epoch: 0, last_sequence: 1, transaction_start_offset: 0 },
    { id: ended.producer.id, epoch: 1, last_sequence: null, transaction_start_offset: null },
  ];
  const { producers } = await list('');
  expect(producers).toMatchObject(told);
  expect(Date.now() - producers[0]!.heard_at).toBeLessThan(60_000);
  const first = await list('?limit=1');
  expect(first).toMatchObject({ producers: [{ id }], next: String(id) });
  expect(await list(`?limit=1&after=${first.next}`)).toMatchObject({ producers: [told[1]] });
  expect((await broker.call('GET', `${path}/1/producers`)).body).toEqual({ producers: [] });
  expect((await broker.call('GET', `${path}/2/producers`)).status).toBe(404);
  expect((await broker.call('GET', `${path}/0/producers?after=x`)).status).toBe(400);
});
