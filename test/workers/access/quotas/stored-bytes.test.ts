/** The quota of stored bytes: how exact it is, who is refused, what goes on, and what makes room again. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EMPTY_OBJECT_BYTES, storedStep } from '../../../../core/cost/stored-bytes.ts';
import type { ProblemDocument } from '../../../../protocol/errors.ts';
import type { NamespaceReply } from '../../../../protocol/schemas/namespaces.ts';
import type { Reply } from '../../../support/broker/test-broker.ts';
import { LockedBroker } from '../support.ts';

const LIMIT = 1_000_000;
const TEXT = 'x'.repeat(20_000);
/** Of the database, besides the text: the batch, and the rest of a page. */
const OVERHEAD = 4_096;

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

let spaces = 0;
async function space(quotas: object): Promise<string> {
  const namespace = `stored${++spaces}`;
  await locked.call('PUT', `/admin/v1/namespaces/${namespace}`, { quotas });
  await locked.call('PUT', `/v1/${namespace}/topics/events`, { partitions: 2 });
  await locked.call('PUT', `/v1/${namespace}/queues/jobs`, {});
  await locked.call('PUT', `/v1/${namespace}/queues/mails`, {});
  return namespace;
}
const limit = (namespace: string, quotas: object): Promise<Reply<NamespaceReply>> =>
  locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, { quotas });
const used = async (namespace: string): Promise<number | null> =>
  (await locked.call<NamespaceReply>('GET', `/admin/v1/namespaces/${namespace}`)).body.use!.stored_bytes;

type Send = (base: string) => Promise<Reply<ProblemDocument>>;
const toQueue =
  (queue: string): Send =>
  (base) =>
    locked.call('POST', `${base}/queues/${queue}/messages`, { messages: [{ body: TEXT }] });
const toPartition =
  (partition: number): Send =>
  (base) =>
    locked.call('POST', `${base}/topics/events/records`, { records: [{ value: TEXT, partition }] });
const ways: Record<string, Send> = {
  'a queue': toQueue('jobs'),
  'a partition': toPartition(0),
  'an exchange': (base) =>
    locked.call('POST', `${base}/exchanges/amq.default/messages`, {
      messages: [{ routing_key: 'jobs', body: TEXT }],
    }),
};

/** @returns how many were stored before the refusal */
async function fill(namespace: string, send: Send): Promise<number> {
  for (let taken = 0; taken < 200; taken++) {
    const { status, body, headers } = await send(`/v1/${namespace}`);
    if (status === 200) continue;
    expect([status, body]).toMatchObject([
      429,
      { code: 'quota', quota: 'stored_bytes', limit: LIMIT, retryable: true },
    ]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    return taken;
  }
  throw new Error('it was never full');
}

/** What the objects occupy on disk, as the quota counts it. */
async function stored(namespace: string): Promise<number> {
  const sizes = await Promise.all([
    ...['jobs', 'mails'].map((queue) =>
      locked
        .call<{ state: { storage_bytes: number } }>('GET', `/v1/${namespace}/queues/${queue}`)
        .then(({ body }) => body.state.storage_bytes),
    ),
    ...[0, 1].map((partition) =>
      locked
        .call<{ storage_bytes: number }>('GET', `/v1/${namespace}/topics/events/partitions/${partition}`)
        .then(({ body }) => body.storage_bytes),
    ),
  ]);
  return sizes.reduce((sum, bytes) => sum + Math.max(0, bytes - EMPTY_OBJECT_BYTES), 0);
}

async function roomFor(namespace: string, send: Send): Promise<void> {
  await expect.poll(async () => (await send(`/v1/${namespace}`)).status, { timeout: 15_000 }).toBe(200);
}

describe('a quota of stored bytes', () => {
  it('is not counted while there is none, and an object without messages counts nothing', async () => {
    const namespace = await space({});
    expect(await used(namespace)).toBe(null);
    const { body } = await limit(namespace, { stored_bytes: LIMIT });
    expect(body.quotas.stored_bytes).toBe(LIMIT);
    expect(await used(namespace)).toBe(0);
    expect(await stored(namespace)).toBe(0);
  });

  it.each(Object.keys(ways))('stops %s at what it says', async (way) => {
    const namespace = await space({ stored_bytes: LIMIT });
    const taken = await fill(namespace, ways[way]!);
    expect(taken).toBeGreaterThan(30);
    const bytes = await stored(namespace);
    expect(bytes).toBeLessThanOrEqual(LIMIT + OVERHEAD);
    expect(bytes).toBeGreaterThan(LIMIT - TEXT.length - 2 * OVERHEAD);
  });

  it.each(Object.keys(ways))(
    'counts the last message of %s, though nobody publishes after it',
    async (way) => {
      const namespace = await space({ stored_bytes: LIMIT });
      for (let nth = 0; nth < 20; nth++) expect((await ways[way]!(`/v1/${namespace}`)).status).toBe(200);
      const bytes = await stored(namespace);
      const unreported = async (): Promise<number> => Math.abs((await used(namespace))! - bytes);
      await expect.poll(unreported, { timeout: 12_000 }).toBeLessThanOrEqual(storedStep(LIMIT));
    },
  );

  it('counts what a partition has in the bucket', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    await locked.call('PATCH', `/v1/${namespace}/topics/events`, { hot_bytes: 65_536 });
    expect(await fill(namespace, toPartition(0))).toBeGreaterThan(30);
    const path = `/v1/${namespace}/topics/events/partitions/0`;
    const coldBytes = async (): Promise<number> =>
      (await locked.call<{ cold_bytes: number }>('GET', path)).body.cold_bytes;
    await expect.poll(coldBytes, { timeout: 15_000 }).toBeGreaterThan(LIMIT / 2);
    expect(await stored(namespace), 'the object is far below it').toBeLessThan(LIMIT / 2);
    await locked.call('DELETE', `${path}/records?before=latest`);
    await roomFor(namespace, toPartition(0));
  });

  it('stops many at once within a step for each object', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    const all = [toQueue('jobs'), toQueue('mails'), toPartition(0), toPartition(1)];
    await Promise.all(all.flatMap((send) => [fill(namespace, send), fill(namespace, send)]));
    const bytes = await stored(namespace);
    const onTheWay = all.length * 2 * (TEXT.length + OVERHEAD);
    expect(bytes).toBeLessThanOrEqual(LIMIT + all.length * storedStep(LIMIT) + onTheWay);
    const unreported = async (): Promise<number> => Math.abs((await used(namespace))! - bytes);
    await expect.poll(unreported, { timeout: 12_000 }).toBeLessThanOrEqual(all.length * storedStep(LIMIT));
  });

  it.each(Object.entries(ways))(
    'lets in at once what goes to %s after it was taken away',
    async (_, send) => {
      const namespace = await space({ stored_bytes: 0 });
      expect((await send(`/v1/${namespace}`)).status).toBe(429);
      await limit(namespace, {});
      expect((await send(`/v1/${namespace}`)).status).toBe(200);
    },
  );

  it('lets in again after a purge, by another object too', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    await fill(namespace, toQueue('jobs'));
    expect((await toPartition(0)(`/v1/${namespace}`)).body.code).toBe('quota');
    expect((await locked.call('POST', `/v1/${namespace}/queues/jobs/purge`)).status).toBe(200);
    await roomFor(namespace, toPartition(0));
    expect(await fill(namespace, toQueue('mails'))).toBeGreaterThan(30);
  });

  it('lets consumers go on, and lets in what they have made room for', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    const base = `/v1/${namespace}/queues/jobs`;
    await fill(namespace, toQueue('jobs'));
    const { body } = await locked.call<{ deliveries: { delivery_tag: string }[] }>(
      'POST',
      `${base}/deliveries`,
      {
        max: 20,
      },
    );
    expect(body.deliveries).toHaveLength(20);
    const ack = body.deliveries.map(({ delivery_tag: tag }) => tag);
    expect((await locked.call('POST', `${base}/settlements`, { ack })).status).toBe(200);
    await roomFor(namespace, toQueue('mails'));
  });

  it('counts nothing of what is deleted', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    await fill(namespace, toPartition(1));
    expect((await locked.call('DELETE', `/v1/${namespace}/topics/events`)).status).toBe(200);
    expect(await used(namespace)).toBe(0);
    await roomFor(namespace, toQueue('jobs'));
    await fill(namespace, toQueue('jobs'));
    expect((await locked.call('DELETE', `/v1/${namespace}/queues/jobs`)).status).toBe(200);
    expect(await used(namespace)).toBeLessThan(TEXT.length + OVERHEAD);
  });

  it('lets in again after records were deleted', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    await fill(namespace, toPartition(0));
    const { body } = await locked.call<{ high_watermark: number }>(
      'GET',
      `/v1/${namespace}/topics/events/partitions/0`,
    );
    const deleted = await locked.call(
      'DELETE',
      `/v1/${namespace}/topics/events/partitions/0/records?before=${body.high_watermark}`,
    );
    expect(deleted.status, JSON.stringify(deleted.body)).toBe(200);
    await roomFor(namespace, toPartition(1));
  });

  it('counts what was stored before it was set, and what objects free that do not know of it', async () => {
    const namespace = await space({});
    const base = `/v1/${namespace}`;
    for (let nth = 0; nth < 60; nth++) expect((await toQueue('jobs')(base)).status).toBe(200);
    await limit(namespace, { stored_bytes: LIMIT });
    await expect.poll(() => used(namespace)).toBeGreaterThan(LIMIT);
    await fill(namespace, toQueue('mails'));
    await locked.call('POST', `${base}/queues/jobs/purge`);
    await roomFor(namespace, toQueue('mails'));
    await limit(namespace, {});
    expect(await used(namespace)).toBe(null);
    expect((await toQueue('mails')(base)).status).toBe(200);
  });

  it('counts messages that a transaction holds', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    const base = `/v1/${namespace}`;
    const begun = await locked.call<{ id: number; epoch: number }>('POST', `${base}/producers`, {
      transactional_id: 'tx',
    });
    const { id, epoch } = begun.body;
    const producer = { id, epoch };
    let sequence = 0;
    const hold: Send = async (path) => {
      const answer = await locked.call('POST', `${path}/transactions/tx/messages`, {
        ...{ producer, sequence, exchange: 'amq.default' },
        messages: [{ routing_key: 'jobs', body: TEXT }],
      });
      if (answer.status === 200) sequence += 1;
      return answer;
    };
    expect(await fill(namespace, hold)).toBeGreaterThan(30);
    const ended = await locked.call('POST', `${base}/transactions/tx/abort`, { producer });
    expect(ended.status, JSON.stringify(ended.body)).toBe(200);
    await roomFor(namespace, toQueue('jobs'));
  });

  it('does not hold up the deletion of its namespace', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    await fill(namespace, toQueue('jobs'));
    const path = `/admin/v1/namespaces/${namespace}`;
    expect((await locked.call('DELETE', `${path}?confirm=${namespace}`)).status).toBe(202);
    await expect.poll(async () => (await locked.call('GET', path)).status, { timeout: 20_000 }).toBe(404);
    expect((await locked.call('PUT', path, { quotas: { stored_bytes: LIMIT } })).status).toBe(201);
    expect(await used(namespace)).toBe(0);
  });

  it('leaves another namespace alone', async () => {
    const namespace = await space({ stored_bytes: LIMIT });
    const other = await space({});
    await fill(namespace, toQueue('jobs'));
    expect((await toQueue('jobs')(`/v1/${other}`)).status).toBe(200);
  });

  it.each([-1, 1.5, '1 GB'])('is refused as %j', async (bytes) => {
    const namespace = await space({});
    expect((await limit(namespace, { stored_bytes: bytes })).status).toBe(400);
  });
});
