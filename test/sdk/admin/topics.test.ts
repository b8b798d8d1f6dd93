import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type PartitionState as WirePartition,
  type TopicConfig,
  TOPIC_DEFAULTS,
} from '../../../protocol/schemas/topics.ts';
import type { PartitionState, Topic } from '../../../sdk/index.ts';
import { fromWire, toWire } from '../../../sdk/client/wire.ts';
import { answer, brokerForTests, dropReply, errorOf, spoiledFetch } from '../harness.ts';

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;
type CamelKeys<Fields> = { [Name in keyof Fields as Camel<Name & string>]: Fields[Name] };

const broker = brokerForTests();

describe('topics', () => {
  it('have the fields of the contract, in camelCase', () => {
    expectTypeOf<Omit<Topic, 'topic' | 'topicId' | 'topologyVersion'>>().toEqualTypeOf<
      CamelKeys<TopicConfig>
    >();
    expectTypeOf<Omit<PartitionState, 'meter'>>().toEqualTypeOf<CamelKeys<Omit<WirePartition, 'meter'>>>();
    expectTypeOf<PartitionState['meter']>().toEqualTypeOf<CamelKeys<WirePartition['meter']>>();
    expect(toWire(fromWire(TOPIC_DEFAULTS))).toEqual(TOPIC_DEFAULTS);
  });

  it('are declared, read, listed, changed and deleted', async () => {
    const { topics } = broker.client();
    const declared = await topics.declare('life', { partitions: 3, retentionMs: null });
    expect(declared).toMatchObject({
      topic: 'life',
      partitions: 3,
      retentionMs: null,
      cleanupPolicy: 'delete',
    });
    expect(await topics.declare('life', { partitions: 3 })).toEqual(declared);
    expect(await topics.change('life', { partitions: 5 })).toMatchObject({
      partitions: 5,
      retentionMs: null,
    });
    expect((await topics.list()).find(({ topic }) => topic === 'life')).toMatchObject({ partitions: 5 });
    await topics.delete('life');
    const error = await errorOf(topics.get('life'));
    expect(error).toMatchObject({
      name: 'PosthornError',
      code: 'topic_not_found',
      retryable: false,
      status: 404,
    });
  });

  it('say what differs, with the details of the broker', async () => {
    const { topics } = broker.client();
    await topics.declare('differs', { partitions: 3 });
    const error = await errorOf(topics.declare('differs', { partitions: 4 }));
    expect(error.code).toBe('topic_differs');
    expect(error.details['differing']).toEqual([{ field: 'partitions', is: 3, wanted: 4 }]);
    expect((await errorOf(topics.change('differs', { partitions: 1 }))).code).toBe(
      'partitions_cannot_shrink',
    );
  });

  it('show their partitions and let records be deleted', async () => {
    const posthorn = broker.client();
    const topic = await broker.topic(2);
    await using producer = posthorn.producer();
    await producer.sendBatch(
      topic,
      [1, 2, 3, 4].map((value) => ({ value, partition: 1 })),
    );
    const state = await posthorn.topics.describePartition(topic, 1);
    expect(state).toMatchObject({ topic, partition: 1, logStartOffset: 0, highWatermark: 4 });
    expect(state.meter.rowsWritten).toBeGreaterThan(0);
    expect(await posthorn.topics.deleteRecords(topic, 1, { before: 2 })).toMatchObject({
      topic,
      partition: 1,
      logStartOffset: 2,
      highWatermark: 4,
    });
    const { logStartOffset } = await posthorn.topics.deleteRecords(topic, 1, { before: 'latest' });
    expect(logStartOffset).toBe(4);
    const error = await errorOf(posthorn.topics.describePartition(topic, 2));
    expect(error).toMatchObject({ code: 'partition_not_found', details: { partitions: 2 } });
  });

  it.each(['', '.', '..', 'a/b', 'a b', 'ü', 'x'.repeat(250)])(
    'are refused the name %j early',
    async (name) => {
      const { fetch, requests } = spoiledFetch();
      const posthorn = broker.client({ fetch });
      expect((await errorOf(posthorn.topics.get(name))).code).toBe('invalid_argument');
      expect((await errorOf(posthorn.producer().send(name, { value: 1 }))).code).toBe('invalid_argument');
      expect(requests).toEqual([]);
    },
  );
});

describe('a request', () => {
  it('sends back the topology version that it has seen, and its headers', async () => {
    const { fetch, requests } = spoiledFetch();
    const { topics } = broker.client({ fetch, headers: () => ({ 'x-tenant': 'x' }) });
    const { topologyVersion } = await topics.declare('version');
    await topics.get('version');
    expect(requests[0]!.headers).not.toHaveProperty('posthorn-topology-version');
    expect(requests[1]!.headers).toMatchObject({
      'x-tenant': 'x',
      'posthorn-topology-version': String(topologyVersion),
    });
  });

  it('is tried again where that may help, five times in all', async () => {
    const spoiled = spoiledFetch();
    spoiled.onEach(answer(503));
    const { topics } = broker.client({ fetch: spoiled.fetch });
    const error = await errorOf(topics.list());
    expect(error).toMatchObject({ code: 'unexpected_reply', status: 503, retryable: true });
    expect(error.message).toContain('a proxy says no');
    expect(spoiled.requests).toHaveLength(5);
  });

  it('that deleted a topic and lost the reply does not fail', async () => {
    const topic = await broker.topic();
    const spoiled = spoiledFetch();
    let isFirst = true;
    spoiled.onEach((request, pass) => {
      if (!isFirst) return undefined;
      isFirst = false;
      return dropReply(request, pass);
    });
    await broker.client({ fetch: spoiled.fetch }).topics.delete(topic);
    expect(spoiled.requests).toHaveLength(2);
  });

  it('ends at its time limit and when its signal fires, even if fetch does not', async () => {
    const { topics } = broker.client({ fetch: () => new Promise(() => {}), retry: { attempts: 1 } });
    expect((await errorOf(topics.list({ timeoutMs: 5 }))).code).toBe('timeout');
    const controller = new AbortController();
    const listing = topics.list({ signal: controller.signal });
    controller.abort('enough');
    expect(await errorOf(listing)).toMatchObject({ code: 'aborted', cause: 'enough', retryable: false });
    expect((await errorOf(topics.list({ signal: AbortSignal.abort() }))).code).toBe('aborted');
  });

  it('to nobody fails with why', async () => {
    const posthorn = broker.client({ url: 'http://127.0.0.1:9', retry: { attempts: 1 } });
    const error = await errorOf(posthorn.topics.list());
    expect(error).toMatchObject({ code: 'connection_failed', retryable: true });
    expect(error.message).toMatch(/GET \/topics: .*ECONNREFUSED/);
  });
});
