/** Large bodies count for the quota of stored bytes: those that are there, and those that are on their way. */

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Env } from '../../../../durable-objects/env.ts';
import { BucketCount } from '../../../../durable-objects/topology/accounts/bucket-count.ts';
import type { ProblemDocument } from '../../../../protocol/errors.ts';
import { DAY_MS, objectId } from '../../../../protocol/names/object-id.ts';
import type { NamespaceReply } from '../../../../protocol/schemas/namespaces.ts';
import type { UploadReply } from '../../../../protocol/schemas/objects.ts';
import { LockedBroker } from '../support.ts';

const LIMIT = 1_000_000;
const body = new Uint8Array(300_000).fill(7);
const sha256 = createHash('sha256').update(body).digest('hex');

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

let spaces = 0;
async function space(quotas: object = { stored_bytes: LIMIT }): Promise<string> {
  const namespace = `bodies${++spaces}`;
  await locked.call('PUT', `/admin/v1/namespaces/${namespace}`, { quotas });
  return namespace;
}
const used = async (namespace: string): Promise<number | null> =>
  (await locked.call<NamespaceReply>('GET', `/admin/v1/namespaces/${namespace}`)).body.use!.stored_bytes;
const put = (namespace: string, id: string, bytes = body, query = `sha256=${sha256}`) =>
  locked.call<ProblemDocument>('PUT', `/v1/${namespace}/objects/${id}?${query}`, bytes);
const begin = (namespace: string, id: string, bytes: number) =>
  locked.call<UploadReply>('POST', `/v1/${namespace}/objects/${id}/uploads`, { bytes });

describe('a quota of stored bytes', { timeout: 120_000 }, () => {
  it('refuses an object that is too much, and takes it when another was deleted', async () => {
    const namespace = await space();
    for (const id of ['forever.a', 'forever.b', 'forever.c'])
      expect((await put(namespace, id)).status).toBe(201);
    expect(await used(namespace)).toBe(900_000);
    const refused = await put(namespace, 'forever.d');
    expect([refused.status, refused.body]).toMatchObject([
      429,
      { code: 'quota', quota: 'stored_bytes', limit: LIMIT, available: 100_000, retryable: true },
    ]);
    expect((await put(namespace, 'forever.c')).status, 'it is there').toBe(200);
    expect((await locked.call('DELETE', `/v1/${namespace}/objects/forever.a`)).status).toBe(200);
    expect(await used(namespace)).toBe(600_000);
    expect((await put(namespace, 'forever.d')).status).toBe(201);
  });

  it('is exact for objects that come at the same time', async () => {
    const namespace = await space();
    const ids = Array.from({ length: 10 }, (_, index) => `forever.${index}`);
    const answers = await Promise.all(ids.map((id) => put(namespace, id)));
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(3);
    expect(await used(namespace)).toBe(900_000);
  });

  it('gives back what an object that was not stored had', async () => {
    const namespace = await space();
    const wrong = await put(namespace, 'forever.a', body, `sha256=${'0'.repeat(64)}`);
    expect(wrong.body.code).toBe('digest_mismatch');
    await Promise.all(Array.from({ length: 3 }, () => put(namespace, 'forever.same')));
    await expect.poll(() => used(namespace)).toBe(300_000);
  });

  it('counts an upload from its begin, and gives back what it was given up with', async () => {
    const namespace = await space();
    const { upload } = (await begin(namespace, 'forever.a', 900_000)).body;
    expect(await used(namespace)).toBe(900_000);
    expect([(await put(namespace, 'forever.b')).body.code]).toEqual(['quota']);
    expect((await begin(namespace, 'forever.b', 200_000)).status).toBe(429);
    await locked.call('DELETE', `/v1/${namespace}/objects/forever.a/uploads/${upload}`);
    expect(await used(namespace)).toBe(0);

    const again = (await begin(namespace, 'forever.a', body.length)).body;
    const at = `/v1/${namespace}/objects/forever.a/uploads/${again.upload}`;
    const part = await locked.call<{ part: number; etag: string }>('PUT', `${at}/parts/1`, body);
    expect((await locked.call('POST', `${at}/complete`, { parts: [part.body] })).status).toBe(201);
    expect(await used(namespace)).toBe(300_000);
    await locked.call('DELETE', `/v1/${namespace}/objects/forever.a`);
    expect(await used(namespace)).toBe(0);
  });

  it('gives back once what several delete or give up at the same time', async () => {
    const namespace = await space();
    await put(namespace, 'forever.stays');
    const all = (path: string) =>
      Promise.all(Array.from({ length: 8 }, () => locked.call('DELETE', `/v1/${namespace}/objects/${path}`)));
    for (let round = 0; round < 3; round++) {
      await put(namespace, 'forever.a');
      await all('forever.a');
      const { upload } = (await begin(namespace, 'forever.b', 300_000)).body;
      await all(`forever.b/uploads/${upload}`);
      expect(await used(namespace), `round ${round}`).toBe(300_000);
    }
  });

  it('is never too low while an object is deleted and stored again', async () => {
    const namespace = await space({ stored_bytes: 100 * LIMIT });
    const bucket = await locked.broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn');
    const env = { OBJECTS: bucket as unknown as R2Bucket } as Env;
    await put(namespace, 'forever.stays');
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        index % 2 === 0
          ? put(namespace, 'forever.a')
          : locked.call('DELETE', `/v1/${namespace}/objects/forever.a`),
      ),
    );
    const { bytes } = (await new BucketCount(env, namespace).step(0))!;
    expect(await used(namespace)).toBeGreaterThanOrEqual(bytes);
  });

  it.each(['before', 'after'] as const)(
    'is right although the bucket failed %s its n-th call, and the client repeats it',
    async (when) => {
      const fail = async (nth: number): Promise<number> => {
        const fault = { nth, when, message: 'the bucket failed', isLasting: false };
        return (await locked.call<number>('POST', '/test/bucket', fault)).body;
      };
      const bucket = await locked.broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn');
      const env = { OBJECTS: bucket as unknown as R2Bucket } as Env;
      for (const send of [put, (namespace: string, id: string) => begin(namespace, id, body.length)])
        for (let nth = 1, done = false; !done; nth++) {
          const namespace = await space();
          await fail(nth);
          const { status } = await send(namespace, 'forever.a');
          done = (await fail(0)) < nth;
          expect(status).toBe(done ? 201 : 503);
          expect((await send(namespace, 'forever.a')).status).toBeLessThan(300);
          expect(await used(namespace), `call ${nth}`).toBe(
            (await new BucketCount(env, namespace).step(0))?.bytes,
          );
        }
    },
  );

  it('that is set later counts what is there', async () => {
    const namespace = await space({});
    await put(namespace, 'forever.a');
    await begin(namespace, 'forever.b', 500_000);
    await locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, { quotas: { stored_bytes: LIMIT } });
    await expect.poll(() => used(namespace), { timeout: 20_000 }).toBe(800_000);
  });

  it('is not lowered by a count that objects come beside', async () => {
    const bucket = await locked.broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn');
    const count = new BucketCount({ OBJECTS: bucket as unknown as R2Bucket } as Env, await space());
    expect(await count.step(1_000)).toEqual({ bytes: 0, isExact: true });
    count.noteChange(300_000, 2_000);
    expect(await count.step(2_000), 'may be on its way').toEqual({ bytes: 0, isExact: false });
    count.noteChange(-300_000, 2_500);
    expect(await count.step(61_999)).toEqual({ bytes: 0, isExact: false });
    expect(await count.step(62_000)).toEqual({ bytes: 0, isExact: true });
    count.noteChange(-300_000, 62_000);
    expect(await count.step(62_000), 'may have gone in the meantime').toEqual({ bytes: 0, isExact: false });
    expect(await count.step(62_001)).toEqual({ bytes: 0, isExact: true });

    const namespaces = await Promise.all(Array.from({ length: 10 }, () => space()));
    const puts = namespaces.flatMap((namespace) =>
      ['forever.a', 'forever.b'].map((id) => put(namespace, id)),
    );
    await Promise.all(puts); // while the topologies count the bucket, because the quota is new
    for (const namespace of namespaces) expect(await used(namespace)).toBe(600_000);
  });

  it('refuses messages too when objects have filled it', async () => {
    const namespace = await space();
    await locked.call('PUT', `/v1/${namespace}/queues/jobs`, {});
    for (const id of ['forever.a', 'forever.b', 'forever.c'])
      expect((await put(namespace, id)).status).toBe(201);
    expect((await put(namespace, 'forever.d', body.slice(0, 100_000), '')).status).toBe(201);
    expect(await used(namespace)).toBe(LIMIT);
    const send = () =>
      locked.call('POST', `/v1/${namespace}/queues/jobs/messages`, { messages: [{ body: 'x' }] });
    await expect
      .poll(async () => (await send()).body, { timeout: 15_000 })
      .toMatchObject({ code: 'quota', quota: 'stored_bytes' });
    await locked.call('DELETE', `/v1/${namespace}/objects/forever.a`);
    await expect.poll(async () => (await send()).status, { timeout: 15_000 }).toBe(200);
  });
});

/** The watchdog runs for a whole day, and visits every namespace each time: those of the tests above would be in its way. */
describe('a quota of stored bytes, at a broker that has nothing else', () => {
  beforeAll(async () => {
    await locked.broker.stop();
    locked = await LockedBroker.start();
  });

  it('gets room from the sweep', async () => {
    const namespace = await space();
    await put(namespace, objectId('today', Date.now(), 0));
    await begin(namespace, 'forever.abandoned', 500_000);
    expect(await used(namespace)).toBe(800_000);
    await fetch(`${locked.broker.url}/test/advance?ms=${2 * DAY_MS}`);
    await fetch(`${locked.broker.url}/test/watchdog`);
    expect(await used(namespace)).toBe(0);
  });
});
