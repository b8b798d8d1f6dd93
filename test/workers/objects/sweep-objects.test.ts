/** Objects that have expired leave the bucket. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { objectPrefix } from '../../../core/objects/object-key.ts';
import { UPLOADS_PREFIX } from '../../../core/objects/upload.ts';
import { DAY_MS, objectId } from '../../../protocol/names/object-id.ts';
import { sweepObjects } from '../../../workers/objects/sweep-objects.ts';
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

it('deletes what has expired, and nothing else', async () => {
  const nowMs = Date.now();
  const [today, later, forever] = [0, 9 * DAY_MS, null].map((ttlMs) => objectId('swept', nowMs, ttlMs));
  for (const id of [today, later, forever]) await put('default', id!);
  expect(await sweepObjects(bucket, 'default', nowMs)).toEqual({ deleted: 0, bytes: 0 });
  expect(await sweepObjects(bucket, 'default', nowMs + 2 * DAY_MS)).toEqual({
    deleted: 1,
    bytes: today!.length,
  });
  expect(await idsOf('default')).toEqual([later, forever]);
  expect(await sweepObjects(bucket, 'default', nowMs + 20 * DAY_MS)).toEqual({
    deleted: 1,
    bytes: later!.length,
  });
  expect(await idsOf('default')).toEqual([forever]);
});

it('deletes more than a page', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await bucket.put(`${objectPrefix('many')}2026-01-01.${name}`, 'x');
  expect(await sweepObjects(bucket, 'many', Date.parse('2026-01-03'), 2)).toEqual({ deleted: 5, bytes: 5 });
});

it('is done by the cron, also for uploads that nobody has completed', async () => {
  const begun = await broker.call('POST', '/v1/default/objects/forever.begun/uploads', { bytes: 5 });
  expect(begun.status).toBe(201);
  const id = objectId('cron', Date.now(), 0);
  await put('default', id);
  await broker.advance(2 * DAY_MS);
  expect((await broker.call('GET', `/v1/default/objects/${id}`)).body.code).toBe('object_not_found');
  await fetch(`${broker.url}/test/watchdog`);
  expect(await idsOf('default')).not.toContain(id);
  expect((await bucket.list({ prefix: UPLOADS_PREFIX })).objects).toEqual([]);
});
