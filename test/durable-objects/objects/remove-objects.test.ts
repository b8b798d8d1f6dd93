/** The objects of a namespace that is deleted leave the bucket. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { objectPrefix } from '../../../core/objects/object-key.ts';
import { removeObjects } from '../../../durable-objects/objects/remove-objects.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let bucket: R2Bucket;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its bucket is looked into' });
  bucket = (await broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn')) as unknown as R2Bucket;
});
afterAll(() => broker.stop());

const idsOf = async (namespace: string): Promise<string[]> =>
  (await bucket.list({ prefix: objectPrefix(namespace) })).objects.map(({ key }) =>
    key.slice(objectPrefix(namespace).length),
  );

const put = async (namespace: string, id: string): Promise<void> => {
  const { status } = await broker.call('PUT', `/v1/${namespace}/objects/${id}`, id);
  expect(status).toBe(201);
};

it('removes a namespace in slices', async () => {
  for (const name of ['a', 'b', 'c']) await bucket.put(`${objectPrefix('gone')}forever.${name}`, 'x');
  expect(await removeObjects(bucket, 'gone', 2)).toBe(false);
  expect(await removeObjects(bucket, 'gone', 2)).toBe(true);
  expect(await idsOf('gone')).toEqual([]);
});

it('is done by the deletion of a namespace', async () => {
  await broker.call('PUT', '/admin/v1/namespaces/team', {});
  await put('team', 'forever.logo');
  await broker.call('DELETE', '/admin/v1/namespaces/team?confirm=team');
  await expect.poll(async () => (await broker.call('GET', '/admin/v1/namespaces/team')).status).toBe(404);
  expect(await idsOf('team')).toEqual([]);
});
