/** Rates of namespaces and tokens in a running broker. They are slow here, so that nothing depends on how fast the test is. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_BATCH_TYPE } from '../../../../protocol/headers/media-types.ts';
import { operations, type Operation } from '../../../../protocol/operations/index.ts';
import type { ProblemDocument } from '../../../../protocol/errors.ts';
import { batchOf } from '../../../support/batches.ts';
import type { Reply } from '../../../support/broker/test-broker.ts';
import { bearer, LockedBroker, ROOT } from '../support.ts';

/** A message in 100 s. */
const SLOW = 0.01;

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
  for (const namespace of ['slow', 'other', 'tokens']) {
    await locked.namespace(namespace);
    await locked.call('PUT', `/v1/${namespace}/topics/events`, {});
    await locked.call('PUT', `/v1/${namespace}/queues/jobs`, {});
  }
});
afterAll(() => locked.broker.stop());

const limit = (namespace: string, quotas: object): Promise<Reply<ProblemDocument>> =>
  locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, { quotas });

const produce = (namespace: string, count: number, credential?: string): Promise<Reply<ProblemDocument>> =>
  locked.call(
    'POST',
    `/v1/${namespace}/topics/events/records`,
    { records: Array.from({ length: count }, (_, value) => ({ value })) },
    credential,
  );

const messages = { messages: [{ body: 1, routing_key: 'jobs' }] };

/** One request of each operation that counts, with one message. */
const requests: Record<string, (base: string) => Promise<Reply<ProblemDocument>>> = {
  produce: (base) => locked.call('POST', `${base}/topics/events/records`, { records: [{ value: 1 }] }),
  publish: (base) => locked.call('POST', `${base}/exchanges/amq.default/messages`, messages),
  sendEvents: (base) =>
    locked.call('POST', `${base}/events?queue=jobs`, {
      specversion: '1.0',
      id: '1',
      source: '/shop',
      type: 'order.created',
    }),
  ingestDebezium: (base) => locked.call('POST', `${base}/ingest/debezium?other=events`, { ts_ms: 1 }),
  publishToQueue: (base) => locked.call('POST', `${base}/queues/jobs/messages`, { messages: [{ body: 1 }] }),
  request: (base) =>
    locked.call('POST', `${base}/exchanges/amq.default/requests`, {
      body: 1,
      routing_key: 'jobs',
      wait_ms: 1,
    }),
  publishInTransaction: async (base) => {
    const { body } = await locked.call<{ id: number; epoch: number }>('POST', `${base}/producers`, {
      transactional_id: 'tx',
    });
    const producer = { id: body.id, epoch: body.epoch };
    return await locked.call('POST', `${base}/transactions/tx/messages`, {
      producer,
      sequence: 0,
      queue: 'jobs',
      messages: [{ body: 1 }],
    });
  },
  fetch: (base) => locked.call('GET', `${base}/topics/events/partitions/0/records?max_records=1`),
  fetchForMember: async (base) => {
    const { body } = await locked.call<{ member_id: string }>('POST', `${base}/groups/g/members`, {
      topics: ['events'],
    });
    const path = `${base}/groups/g/members/${body.member_id}`;
    const reply = await locked.call('GET', `${path}/records?max_records=1`);
    await locked.call('DELETE', path);
    return reply;
  },
  fetchFromPositions: async (base) => {
    const { body } = await locked.call<{ member_id: string; epoch: number }>(
      'POST',
      `${base}/groups/p/members`,
      { topics: ['events'] },
    );
    const path = `${base}/groups/p/members/${body.member_id}`;
    const positions = [{ topic: 'events', partition: 0, offset: 0 }];
    const reply = await locked.call('POST', `${path}/records`, {
      epoch: body.epoch,
      positions,
      max_records: 1,
    });
    await locked.call('DELETE', path);
    return reply;
  },
  deliver: (base) => locked.call('POST', `${base}/queues/jobs/deliveries`, { max: 1 }),
  acquireRecords: async (base) => {
    await locked.call('PUT', `${base}/share-groups/s`, { topics: ['events'], start: 'earliest' });
    return await locked.call('POST', `${base}/share-groups/s/records`, { member_id: 'm', max_records: 1 });
  },
};

describe('a namespace with a rate', () => {
  const counted = (Object.values(operations) as Operation[]).filter(({ rate }) => rate !== undefined);

  it.each(counted.filter(({ id }) => id !== 'streamQueue').map(({ id, rate }) => [id, rate!] as const))(
    'counts %s as %s',
    async (id, rate) => {
      await limit('slow', {});
      await produce('slow', 5);
      await requests['publishToQueue']!('/v1/slow');
      const field = rate === 'publish' ? 'publish_per_s' : 'deliver_per_s';
      expect((await limit('slow', { [field]: SLOW })).status).toBe(200);
      await locked.broker.advance(200_000); // whatever was counted before is paid off
      const first = await requests[id]!('/v1/slow');
      expect([id, first.body.code]).not.toEqual([id, 'quota']);
      expect([id, first.status < 300 || first.body.code === 'no_reply'], JSON.stringify(first.body)).toEqual([
        id,
        true,
      ]);
      const second = await requests[id]!('/v1/slow');
      expect([id, second.status, second.body]).toMatchObject([
        id,
        429,
        { code: 'quota', quota: field, limit: SLOW, retryable: true },
      ]);
      expect(Number(second.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    },
  );

  it('counts record batches by their records', async () => {
    await limit('slow', { publish_per_s: SLOW });
    await locked.broker.advance(400_000);
    const send = (): Promise<Response> =>
      fetch(`${locked.broker.url}/v1/slow/topics/events/records`, {
        method: 'POST',
        headers: { 'content-type': RECORD_BATCH_TYPE, ...bearer(ROOT) },
        body: batchOf([{ value: 'a' }, { value: 'b' }, { value: 'c' }]) as Uint8Array<ArrayBuffer>,
      });
    expect((await send()).status).toBe(200);
    const refused = await send();
    expect(refused.status).toBe(429);
    // Three went, and one is what the bucket held.
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(250);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(300);
  });

  it('lets messages go again after the time that the reply says', async () => {
    await limit('slow', { publish_per_s: SLOW });
    await locked.broker.advance(400_000);
    expect((await produce('slow', 5)).status).toBe(200);
    const refused = await produce('slow', 1);
    expect(refused.status).toBe(429);
    await locked.broker.advance(1_000 * Number(refused.headers.get('retry-after')));
    expect((await produce('slow', 1)).status).toBe(200);
  });

  it('refuses no other namespace, and no other kind of call', async () => {
    await limit('slow', { publish_per_s: SLOW });
    await produce('slow', 5);
    expect((await produce('slow', 1)).status).toBe(429);
    expect((await produce('other', 5)).status).toBe(200);
    expect((await locked.call('GET', '/v1/slow/topics/events')).status).toBe(200);
    expect((await requests['fetch']!('/v1/slow')).status).toBe(200);
    expect((await locked.call('POST', '/v1/slow/queues/jobs/settlements', { ack: [] })).status).toBe(200);
  });

  it('stores nothing of what it refuses', async () => {
    await limit('other', { publish_per_s: SLOW });
    await produce('other', 3);
    const end = async (): Promise<unknown> =>
      (await locked.call<{ high_watermark: number }>('GET', '/v1/other/topics/events/partitions/0')).body
        .high_watermark;
    const before = await end();
    for (let turn = 0; turn < 5; turn++) expect((await produce('other', 1)).status).toBe(429);
    expect(await end()).toBe(before);
    await limit('other', {});
    expect((await produce('other', 1)).status).toBe(200);
  });

  it('shows its quotas, which a change replaces', async () => {
    const shown = (await limit('slow', { publish_per_s: 10 })).body as unknown as { quotas: object };
    expect(shown.quotas).toMatchObject({ publish_per_s: 10, deliver_per_s: null });
    const put = await locked.call('PUT', '/admin/v1/namespaces/slow', { quotas: { deliver_per_s: 0.5 } });
    expect(put).toMatchObject({ status: 200, body: { quotas: { publish_per_s: null, deliver_per_s: 0.5 } } });
    expect((await locked.call('PUT', '/admin/v1/namespaces/slow', {})).body).toMatchObject({
      quotas: { deliver_per_s: 0.5 },
    });
    for (const publish of [0, -1, 'x', 1e300]) {
      expect(await limit('slow', { publish_per_s: publish })).toMatchObject({
        status: 400,
        body: { code: 'invalid_field' },
      });
    }
    expect((await limit('nowhere', {})).body.code).toBe('namespace_not_found');
  });
});

describe('a token with a rate', () => {
  it('is refused by itself, while others of its namespace go on', async () => {
    const slow = await locked.token('tokens', { roles: ['admin'], quotas: { publish_per_s: SLOW } } as never);
    const fast = await locked.token('tokens', { roles: ['admin'] });
    expect(slow).toMatchObject({ quotas: { publish_per_s: SLOW } });
    expect((await produce('tokens', 2, slow.token)).status).toBe(200);
    expect(await produce('tokens', 1, slow.token)).toMatchObject({
      status: 429,
      body: { code: 'quota', detail: `token "${slow.id}" may publish ${SLOW} messages a second` },
    });
    expect((await produce('tokens', 2, fast.token)).status).toBe(200);
    expect((await produce('tokens', 2)).status).toBe(200);
  });
});
