/** Old segments of a partition in the bucket: they move, are read as before, and leave with what they belong to. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tierPrefix } from '../../../core/log/tier/tier-key.ts';
import { orThrow, readBatchHeader } from '../../../protocol/record-batch/index.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { batchOf } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const HOUR_MS = 3_600_000;
const HOT = 65_536;
const BATCHES = 60;
/** Of a batch of ten records. */
const TEXT = 'x'.repeat(2_000);

let broker: TestBroker;
let bucket: R2Bucket;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its bucket is looked into, and its clock put forward' });
  bucket = (await broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn')) as unknown as R2Bucket;
});
afterAll(() => broker.stop());

/** On a busy machine a state may take a while. */
const PATIENCE = { timeout: 20_000 };

const keysOf = async (id: number): Promise<string[]> =>
  (await bucket.list({ prefix: tierPrefix({ namespace: 'default', id }, 0) })).objects.map(({ key }) => key);

/** Fills a topic, ten records a batch with times of their own, and waits until its hot part is as small as it has to be. */
async function fill(topic: string, declaration: object = {}): Promise<number> {
  const { body } = await broker.declare(topic, { hot_bytes: HOT, retention_ms: null, ...declaration });
  for (let nth = 0; nth < BATCHES; nth++) {
    const records = Array.from({ length: 10 }, (_, index) => ({
      key: `${nth}`,
      value: JSON.stringify(`${nth * 10 + index} ${TEXT}`),
      timestamp: 1_000 * (nth * 10 + index),
    }));
    const { status } = await broker.produceBatches(topic, '0', batchOf(records));
    expect(status).toBe(200);
  }
  await settled(topic);
  return body.topic_id;
}

async function settled(topic: string): Promise<void> {
  const hotBytes = async (): Promise<number> => {
    const { size_bytes, cold_bytes } = await broker.state(topic, 0);
    return size_bytes - cold_bytes;
  };
  await expect.poll(hotBytes, PATIENCE).toBeLessThan(HOT * 1.25);
}

/** All values from an offset on, by pages. */
async function valuesFrom(topic: string, from: number, bytesMax = 100_000): Promise<number[]> {
  const values: number[] = [];
  for (let offset = from; ;) {
    const { status, body } = await broker.fetch(topic, 0, `offset=${offset}&max_bytes=${bytesMax}`);
    expect(status).toBe(200);
    if (body.records.length === 0) return values;
    values.push(...body.records.map(({ value }) => Number((value as string).split(' ')[0])));
    offset = body.next_offset;
  }
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

describe('a partition above its hot size', () => {
  it('moves its oldest segments to the bucket, and is read as before', async () => {
    const id = await fill('long');
    const { size_bytes, cold_bytes, storage_bytes, segments } = await broker.state('long', 0);
    expect(cold_bytes).toBeGreaterThan(size_bytes / 2);
    expect(storage_bytes, 'the object has let go of them').toBeLessThan(size_bytes / 2);
    expect(segments).toBeLessThan(10);
    expect((await keysOf(id)).length).toBeGreaterThan(10);
    expect(await valuesFrom('long', 0)).toEqual(numbers(0, 600));
    expect(await valuesFrom('long', 123, 1)).toEqual(numbers(123, 600));
    expect(await valuesFrom('long', 0, 8_000_000)).toEqual(numbers(0, 600));
  });

  it('finds a time in the bucket and after it', async () => {
    for (const at of [0, 1, 41_500, 300_000, 590_001, 599_000]) {
      const { body } = await broker.fetch('long', 0, `offset=@${at}&max_records=1`);
      expect(body.records[0]!.offset, `at ${at}`).toBe(Math.ceil(at / 1_000));
    }
    expect((await broker.fetch('long', 0, 'offset=@599001')).body.records).toEqual([]);
  });

  it('is read the same after it has left memory, and as bytes', async () => {
    await broker.evict('long', 0);
    const path = '/v1/default/topics/long/partitions/0/records?offset=earliest&max_bytes=1000000';
    const response = await fetch(`${broker.url}${path}`, { headers: { accept: RECORD_BATCH_TYPE } });
    const bytes = new Uint8Array(await response.arrayBuffer());
    let next = 0;
    for (let at = 0; at < bytes.length;) {
      const { baseOffset, sizeInBytes, lastOffsetDelta } = orThrow(readBatchHeader(bytes, at));
      expect(baseOffset).toBe(next);
      next += lastOffsetDelta + 1;
      at += sizeInBytes;
    }
    expect(next).toBeGreaterThan(0);
    expect(await valuesFrom('long', next)).toEqual(numbers(next, 600));
  });

  it('takes more after it has left memory, and moves that too', async () => {
    const { cold_bytes: before } = await broker.state('long', 0);
    for (let nth = 0; nth < 20; nth++)
      await broker.produce('long', [{ value: `${600 + nth} ${TEXT.repeat(5)}` }]);
    await settled('long');
    expect((await broker.state('long', 0)).cold_bytes).toBeGreaterThan(before);
    expect(await valuesFrom('long', 0)).toEqual(numbers(0, 620));
  });

  it('does so beside others of its isolate, which share memory and turns', async () => {
    const PARTITIONS = 8;
    await broker.declare('many', { partitions: PARTITIONS, hot_bytes: HOT, retention_ms: null });
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    const value = JSON.stringify(TEXT.repeat(10));
    await Promise.all(
      all.map(async (partition) => {
        for (let nth = 0; nth < 20; nth++)
          await broker.produceBatches('many', String(partition), batchOf([{ value }]));
      }),
    );
    const readAll = async (partition: number): Promise<number> => {
      let count = 0;
      for (let offset = 0; offset < 20;) {
        const query = `offset=${offset}&max_bytes=50000`;
        const { body } = await broker.fetch('many', partition, query);
        count += body.records.length;
        offset = body.next_offset;
      }
      return count;
    };
    await expect
      .poll(
        async () => Promise.all(all.map(async (each) => (await broker.state('many', each)).cold_bytes)),
        PATIENCE,
      )
      .not.toContain(0);
    expect(await Promise.all([...all, ...all].map(readAll))).toEqual([...all, ...all].map(() => 20));
  });

  it('says which object is missing, reads what it has, and reads all when the object is back', async () => {
    const id = await fill('lost');
    await broker.evict('lost', 0);
    const [first] = await keysOf(id);
    const bytes = await (await bucket.get(first!))!.arrayBuffer();
    await bucket.delete(first!);
    const { status, body } = await broker.call(
      'GET',
      '/v1/default/topics/lost/partitions/0/records?offset=0',
    );
    expect([status, body]).toMatchObject([503, { code: 'cold_unavailable', object: first, retryable: true }]);
    expect(await valuesFrom('lost', 100)).toEqual(numbers(100, 600));
    await bucket.put(first!, bytes);
    expect(await valuesFrom('lost', 0)).toEqual(numbers(0, 600));
  });

  it('does not move what a topic without a hot size or with compaction has', async () => {
    for (const [topic, declaration] of [
      ['all-hot', { hot_bytes: null }],
      ['compacted', { hot_bytes: HOT, cleanup_policy: 'compact' }],
    ] as const) {
      const { body } = await broker.declare(topic, declaration);
      for (let nth = 0; nth < 10; nth++)
        await broker.produce(topic, [{ key: `${nth}`, value: TEXT.repeat(20) }]);
      expect((await broker.state(topic, 0)).cold_bytes).toBe(0);
      expect(await keysOf(body.topic_id)).toEqual([]);
    }
  });
});

describe('what removes records', () => {
  it('by an offset in the bucket leaves the objects below it to be deleted', async () => {
    const id = await fill('cut');
    const before = await keysOf(id);
    const deleted = await broker.call('DELETE', '/v1/default/topics/cut/partitions/0/records?before=300');
    expect(deleted.body).toMatchObject({ log_start_offset: 300, high_watermark: 600 });
    expect((await broker.fetch('cut', 0, 'offset=299')).status).toBe(416);
    expect(await valuesFrom('cut', 300)).toEqual(numbers(300, 600));
    await broker.state('cut', 0);
    await expect.poll(async () => (await keysOf(id)).length, PATIENCE).toBeLessThan(before.length / 2 + 2);
    expect(await valuesFrom('cut', 300)).toEqual(numbers(300, 600));
  });

  it('by an offset after the bucket leaves no object', async () => {
    const id = await fill('emptied');
    await broker.call('DELETE', '/v1/default/topics/emptied/partitions/0/records?before=latest');
    await expect
      .poll(async () => [(await broker.state('emptied', 0)).size_bytes, (await keysOf(id)).length], PATIENCE)
      .toEqual([0, 0]);
    await broker.produce('emptied', [{ value: `600 ${TEXT}` }]);
    expect(await valuesFrom('emptied', 600)).toEqual([600]);
  });

  it('by size removes whole objects', async () => {
    await fill('sized');
    await broker.call('PATCH', '/v1/default/topics/sized', { retention_bytes: 500_000 });
    await broker.advance(HOUR_MS);
    await broker.state('sized', 0);
    const { size_bytes, cold_bytes, log_start_offset } = await broker.state('sized', 0);
    expect(size_bytes).toBeGreaterThanOrEqual(500_000);
    expect(size_bytes).toBeLessThan(500_000 + 2 * (HOT / 4));
    expect(cold_bytes).toBeGreaterThan(0);
    expect(await valuesFrom('sized', log_start_offset)).toEqual(numbers(log_start_offset, 600));
  });

  it('by time removes all', async () => {
    const id = await fill('timed');
    await broker.call('PATCH', '/v1/default/topics/timed', { retention_ms: 1_000 });
    await broker.advance(HOUR_MS);
    await expect
      .poll(async () => [(await broker.state('timed', 0)).size_bytes, (await keysOf(id)).length], PATIENCE)
      .toEqual([0, 0]);
  });

  it('deletes the objects of a topic with it, and of a namespace', async () => {
    const id = await fill('gone');
    expect(await keysOf(id)).not.toEqual([]);
    await broker.call('DELETE', '/v1/default/topics/gone');
    await expect.poll(() => keysOf(id), PATIENCE).toEqual([]);
  });
});

describe('a retention by size beyond what an object holds', () => {
  const declare = (on: TestBroker, declaration: object) =>
    on.declare('terabyte', { retention_bytes: 1e12, ...declaration });

  it('is taken with a bucket, unless the topic may not use it', async () => {
    for (const declaration of [{ hot_bytes: null }, { cleanup_policy: 'compact,delete' }]) {
      const { status, body } = await declare(broker, declaration);
      expect([status, (body as unknown as { code: string }).code]).toEqual([400, 'retention_unavailable']);
    }
    expect((await declare(broker, {})).body).toMatchObject({ retention_bytes: 1e12, hot_bytes: 1e9 });
    const changed = await broker.call('PATCH', '/v1/default/topics/terabyte', { hot_bytes: null });
    expect([changed.status, changed.body.code]).toEqual([400, 'retention_unavailable']);
    expect((await broker.call('PATCH', '/v1/default/topics/terabyte', { partitions: 2 })).status).toBe(200);
  });

  it('is refused without one, and nothing moves', async () => {
    const bare = await TestBroker.start({ own: 'has no bucket', objects: false });
    try {
      const { status, body } = await declare(bare, {});
      expect([status, (body as unknown as { code: string }).code]).toEqual([400, 'retention_unavailable']);
      expect((await declare(bare, { retention_bytes: 9_000_000_000, hot_bytes: HOT })).status).toBe(201);
      const changed = await bare.call('PATCH', '/v1/default/topics/terabyte', { retention_bytes: 1e12 });
      expect([changed.status, changed.body.code]).toEqual([400, 'retention_unavailable']);
      for (let nth = 0; nth < 20; nth++) await bare.produce('terabyte', [{ value: TEXT.repeat(10) }]);
      expect((await bare.state('terabyte', 0)).cold_bytes).toBe(0);
    } finally {
      await bare.stop();
    }
  });
});
