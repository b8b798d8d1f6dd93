import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import type { TopicList, TopicReply } from '../../../protocol/schemas/topics.ts';
import { filler } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its folder is measured' });
});
afterAll(() => broker.stop());

describe('declaring a topic', () => {
  it('creates it with defaults and says what they are', async () => {
    const { status, body } = await broker.declare('defaults');
    expect(status).toBe(201);
    expect(body).toMatchObject({
      topic: 'defaults',
      partitions: 1,
      retention_ms: 604_800_000,
      cleanup_policy: 'delete',
    });
  });

  it('is idempotent, and compares only what is given', async () => {
    await broker.declare('same', { partitions: 4, retention_ms: 60_000 });
    expect((await broker.declare('same', { partitions: 4, retention_ms: 60_000 })).status).toBe(200);
    expect((await broker.declare('same', {})).status).toBe(200);
    expect((await broker.call('PUT', '/v1/default/topics/same')).status).toBe(200);
  });

  it('refuses another definition and names each difference', async () => {
    await broker.declare('other', { partitions: 2, retention_ms: null });
    const { status, body } = await broker.call('PUT', '/v1/default/topics/other', {
      partitions: 3,
      retention_ms: 5_000,
    });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: 'topic_differs',
      retryable: false,
      differing: [
        { field: 'partitions', is: 2, wanted: 3 },
        { field: 'retention_ms', is: null, wanted: 5_000 },
      ],
    });
    expect(body.detail).toContain('partitions is 2, not 3');
  });

  it('refuses a jurisdiction that this runtime does not have, and creates nothing', async () => {
    const { status, body } = await broker.call('PUT', '/v1/default/topics/eu-only', { jurisdiction: 'eu' });
    expect([status, body.code]).toEqual([400, 'jurisdiction_unavailable']);
    expect((await broker.call('GET', '/v1/default/topics/eu-only')).status).toBe(404);
  });

  it('takes a location hint', async () => {
    expect((await broker.declare('hinted', { location_hint: 'weur' })).body.location_hint).toBe('weur');
    expect((await broker.produce('hinted', [{ value: 1 }])).status).toBe(200);
  });
});

describe('reading topics', () => {
  it('gives one, and lists all by name', async () => {
    await broker.declare('list-b');
    await broker.declare('list-a');
    const one = await broker.call<TopicReply>('GET', '/v1/default/topics/list-a');
    expect(one.body).toMatchObject({ topic: 'list-a', partitions: 1 });
    const { body } = await broker.call<TopicList>('GET', '/v1/default/topics');
    const names = body.topics.map(({ topic }) => topic);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['list-a', 'list-b']));
  });
});

describe('changing a topic', () => {
  it('adds partitions, which can be used at once', async () => {
    await broker.declare('grows', { partitions: 1 });
    await broker.produce('grows', [{ value: 'before' }]);
    const { status, body, headers } = await broker.call<TopicReply>('PATCH', '/v1/default/topics/grows', {
      partitions: 3,
    });
    expect([status, body.partitions]).toEqual([200, 3]);
    expect(headers.get('posthorn-topology-version')).toBe(String(body.topology_version));
    expect((await broker.produce('grows', [{ partition: 2, value: 'after' }])).status).toBe(200);
    expect((await broker.fetch('grows', 0)).body.records).toHaveLength(1);
    expect((await broker.fetch('grows', 2)).body.records).toHaveLength(1);
  });

  it('knows partitions that another router has added', async () => {
    await broker.declare('grows-elsewhere', { partitions: 1 });
    await broker.produce('grows-elsewhere', [{ value: 'before' }]);
    const namespace = await broker.broker.miniflare.getDurableObjectNamespace('TOPOLOGY', 'posthorn');
    const topology = namespace.get(namespace.idFromName('default')) as unknown as {
      changeTopic(name: string, change: object): Promise<unknown>;
    };
    await topology.changeTopic('grows-elsewhere', { partitions: 2 });
    expect((await broker.fetch('grows-elsewhere', 1)).status).toBe(200);
    await topology.changeTopic('grows-elsewhere', { partitions: 3 });
    expect((await broker.produce('grows-elsewhere', [{ partition: 2, value: 'after' }])).status).toBe(200);
    await topology.changeTopic('grows-elsewhere', { partitions: 4 });
    const batch = encodeBatch([{ key: null, value: new Uint8Array(1), timestamp: Date.now() }]);
    expect((await broker.produceBatches('grows-elsewhere', '3', batch)).status).toBe(200);
    expect((await broker.fetch('grows-elsewhere', 4)).body).toMatchObject({ code: 'partition_not_found' });
  });

  it('never removes partitions', async () => {
    await broker.declare('shrinks', { partitions: 3 });
    const { status, body } = await broker.call('PATCH', '/v1/default/topics/shrinks', { partitions: 2 });
    expect([status, body.code]).toEqual([409, 'partitions_cannot_shrink']);
  });

  it('does not move the version where nothing changes', async () => {
    const { body } = await broker.declare('still', { partitions: 2 });
    const same = await broker.call<TopicReply>('PATCH', '/v1/default/topics/still', { partitions: 2 });
    expect(same.body.topology_version).toBe(body.topology_version);
  });

  it('refuses fields that are fixed', async () => {
    await broker.declare('fixed');
    const { status, body } = await broker.call('PATCH', '/v1/default/topics/fixed', {
      location_hint: 'weur',
    });
    expect([status, body.code]).toEqual([400, 'unknown_field']);
  });
});

describe('deleting a topic', () => {
  it('frees its storage, and the name can be used again from offset 0', async () => {
    await broker.declare('goes', { partitions: 2 });
    const before = await broker.bytesOnDisk();
    for (let i = 0; i < 20; i++) await broker.produceBatches('goes', String(i % 2), filler(1_000, 500));
    const full = await broker.bytesOnDisk();
    expect(full - before).toBeGreaterThan(9_000_000);
    expect((await broker.call('DELETE', '/v1/default/topics/goes')).status).toBe(200);
    expect((await broker.produce('goes', [{ value: 1 }])).status).toBe(404);
    expect((await broker.fetch('goes', 0)).status).toBe(404);
    await broker.declare('goes', { partitions: 2 });
    expect((await broker.fetch('goes', 0)).body).toMatchObject({ records: [], high_watermark: 0 });
    await broker.restart();
    expect((await broker.bytesOnDisk()) - before).toBeLessThan(500_000);
  });

  it('is refused for one that is not there', async () => {
    const { status, body } = await broker.call('DELETE', '/v1/default/topics/never-was');
    expect([status, body.code]).toEqual([404, 'topic_not_found']);
  });

  it('ends the wait of readers', async () => {
    await broker.declare('waited-for');
    const poll = broker.fetch('waited-for', 0, 'offset=latest&wait_ms=20000');
    await expect.poll(async () => (await broker.state('waited-for', 0)).waiting).toBe(1);
    await broker.call('DELETE', '/v1/default/topics/waited-for');
    expect((await poll).status).toBe(404);
  });
});
