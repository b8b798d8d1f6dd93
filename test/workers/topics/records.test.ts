import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../../protocol/murmur2.ts';
import {
  HIGH_WATERMARK_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  RECORD_BATCH_TYPE,
  START_OFFSET_HEADER,
} from '../../../protocol/headers/media-types.ts';
import { gzipBatch } from '../../../protocol/record-batch/index.ts';
import { batchOf, bytesOf, recordsOf, textOf } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted' });
});
afterAll(() => broker.stop());

async function fetchRaw(topic: string, query: string): Promise<{ headers: Headers; bytes: Uint8Array }> {
  const response = await fetch(`${broker.url}/v1/default/topics/${topic}/partitions/0/records?${query}`, {
    headers: { accept: RECORD_BATCH_TYPE },
  });
  expect(response.status).toBe(200);
  return { headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) };
}

describe('produce and fetch as JSON', () => {
  it('gives back every kind of value, key and header', async () => {
    await broker.declare('kinds');
    const records = [
      { key: 'text', value: 'a string' },
      { key: 'ünïcode ✓', value: { nested: [1, 2.5, null, true, { deep: '✓' }] } },
      { key: { $base64: '/wD+' }, value: { $base64: 'AAECgA==' } },
      { key: '', value: '' },
      { key: null, value: [] },
      { value: 0 },
      { key: 'gone', value: null },
      {
        key: 'h',
        value: false,
        headers: { one: 'x', many: ['a', 'b'], bytes: { $base64: '/w==' }, none: null },
      },
    ];
    expect((await broker.produce('kinds', records)).status).toBe(200);
    const { body } = await broker.fetch('kinds', 0);
    expect(
      body.records.map(({ key, value, headers }) => ({ key, value, ...(headers ? { headers } : {}) })),
    ).toEqual(records.map((record) => ({ key: null, ...record })));
    expect(body).toMatchObject({ next_offset: 8, high_watermark: 8, log_start_offset: 0 });
  });

  it('answers one offset for each record, in the order of the request', async () => {
    await broker.declare('spread', { partitions: 5 });
    const records = Array.from({ length: 300 }, (_, i) => ({
      key: `key-${i % 40}`,
      value: i,
      timestamp: 1_000 + i,
    }));
    const { body } = await broker.produce('spread', records);
    expect(body.offsets).toHaveLength(300);
    const logs = await Promise.all(
      [0, 1, 2, 3, 4].map(async (p) => (await broker.fetch('spread', p)).body.records),
    );
    body.offsets.forEach(({ partition, offset, timestamp }, i) => {
      expect(partition).toBe(partitionForKey(bytesOf(`key-${i % 40}`), 5));
      expect(logs[partition]![offset]).toMatchObject({ offset, timestamp, value: i, key: `key-${i % 40}` });
      expect(timestamp).toBe(1_000 + i);
    });
  });

  it('keeps records without a key of one request together', async () => {
    await broker.declare('sticky', { partitions: 8 });
    const { body } = await broker.produce(
      'sticky',
      Array.from({ length: 20 }, (_, i) => ({ value: i })),
    );
    expect(new Set(body.offsets.map(({ partition }) => partition)).size).toBe(1);
  });

  it('trims a reply to max_records exactly, and goes on from there', async () => {
    await broker.declare('trimmed');
    await broker.produce(
      'trimmed',
      Array.from({ length: 50 }, (_, i) => ({ value: i })),
    );
    const seen: unknown[] = [];
    for (let offset = 0; offset < 50;) {
      const { body } = await broker.fetch('trimmed', 0, `offset=${offset}&max_records=7`);
      expect(body.records.length).toBe(Math.min(7, 50 - offset));
      seen.push(...body.records.map(({ value }) => value));
      offset = body.next_offset;
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('splits a large request into batches that the topic takes', async () => {
    await broker.declare('split', { max_batch_bytes: 10_000 });
    const records = Array.from({ length: 100 }, (_, i) => ({ value: `${i}`.padEnd(900) }));
    const { body } = await broker.produce('split', records);
    expect(body.offsets.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect((await broker.fetch('split', 0)).body.records).toHaveLength(100);
  });

  it('reads from earliest, latest and a time', async () => {
    await broker.declare('places', { retention_ms: null });
    for (const timestamp of [1_000, 2_000, 3_000]) {
      await broker.produce('places', [
        { value: timestamp, timestamp },
        { value: timestamp + 500, timestamp: timestamp + 500 },
      ]);
    }
    const values = async (query: string) =>
      (await broker.fetch('places', 0, query)).body.records.map(({ value }) => value);
    expect(await values('offset=earliest')).toHaveLength(6);
    expect(await values('offset=latest')).toEqual([]);
    expect(await values('offset=@2001')).toEqual([2_500, 3_000, 3_500]);
    expect(await values('offset=@0')).toHaveLength(6);
    expect(await values('offset=@9999')).toEqual([]);
  });

  it('stamps records where the topic says so', async () => {
    await broker.declare('stamped', { timestamp_type: 'append' });
    const before = Date.now();
    const { body } = await broker.produce('stamped', [
      { value: 1, timestamp: 5 },
      { value: 2, timestamp: 6 },
    ]);
    const [first, second] = (await broker.fetch('stamped', 0)).body.records;
    expect(first!.timestamp).toBeGreaterThanOrEqual(before);
    expect(second!.timestamp).toBe(first!.timestamp);
    expect(body.offsets[0]!.timestamp).toBe(first!.timestamp);
  });

  it('takes records without a promise', async () => {
    await broker.declare('careless');
    const { status, body } = await broker.call<{ accepted: number }>(
      'POST',
      '/v1/default/topics/careless/records',
      {
        records: [{ value: 1 }, { value: 2 }],
        acks: 'none',
      },
    );
    expect([status, body.accepted]).toEqual([202, 2]);
    const { body: fetched } = await broker.fetch('careless', 0, 'wait_ms=5000');
    expect(fetched.records.map(({ value }) => value)).toEqual([1, 2]);
  });

  it('takes JSON from curl -d, which does not say that it is JSON', async () => {
    await broker.declare('curled');
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { status } = await broker.call(
      'POST',
      '/v1/default/topics/curled/records',
      '{"records":[{"value":1}]}',
      headers,
    );
    expect(status).toBe(200);
  });
});

describe('produce and fetch as record batches', () => {
  it('stores and serves the bytes as they are, but for the base offset', async () => {
    await broker.declare('raw');
    const first = batchOf([
      { key: 'a', value: '1' },
      { key: null, value: null },
    ]);
    const second = batchOf([{ value: '3' }]);
    const both = new Uint8Array([...first, ...second]);
    const { body } = await broker.produceBatches('raw', '0', both);
    expect(body.batches).toEqual([
      { partition: 0, base_offset: 0, record_count: 2, append_time: null, log_start_offset: 0 },
      { partition: 0, base_offset: 2, record_count: 1, append_time: null, log_start_offset: 0 },
    ]);
    const { headers, bytes } = await fetchRaw('raw', 'offset=0');
    expect(bytes.subarray(8, first.length)).toEqual(first.subarray(8));
    expect(bytes.subarray(first.length + 8)).toEqual(second.subarray(8));
    expect(headers.get('content-type')).toBe(RECORD_BATCH_TYPE);
    expect(
      [START_OFFSET_HEADER, NEXT_OFFSET_HEADER, HIGH_WATERMARK_HEADER, LOG_START_OFFSET_HEADER].map((name) =>
        headers.get(name),
      ),
    ).toEqual(['0', '3', '3', '0']);
  });

  it('sends one batch to each partition that is named', async () => {
    await broker.declare('many', { partitions: 4 });
    const bytes = new Uint8Array([
      ...batchOf([{ value: 'x' }]),
      ...batchOf([{ value: 'y' }]),
      ...batchOf([{ value: 'z' }]),
    ]);
    const { body } = await broker.produceBatches('many', '3,1,3', bytes);
    expect(body.batches.map(({ partition, base_offset }) => [partition, base_offset])).toEqual([
      [3, 0],
      [1, 0],
      [3, 1],
    ]);
    expect((await broker.state('many', 3)).high_watermark).toBe(2);
  });

  it('takes gzip batches, and opens them for readers of JSON', async () => {
    await broker.declare('zipped');
    const batch = await gzipBatch(
      batchOf(Array.from({ length: 100 }, (_, i) => ({ key: 'k', value: `${i}` }))),
    );
    expect((await broker.produceBatches('zipped', '0', batch)).status).toBe(200);
    const { body } = await broker.fetch('zipped', 0, 'offset=90');
    expect(body.records.map(({ value }) => value)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
  });

  it('begins with the batch that holds the offset, and says where the offset is', async () => {
    await broker.declare('middle');
    await broker.produceBatches('middle', '0', batchOf([{ value: 'a' }, { value: 'b' }, { value: 'c' }]));
    const { headers, bytes } = await fetchRaw('middle', 'offset=2');
    expect(recordsOf([bytes]).map(({ value }) => textOf(value))).toEqual(['a', 'b', 'c']);
    expect(headers.get(START_OFFSET_HEADER)).toBe('2');
  });

  it('needs no partition where there is only one', async () => {
    await broker.declare('single');
    const headers = { 'content-type': RECORD_BATCH_TYPE };
    expect(
      (await broker.call('POST', '/v1/default/topics/single/records', batchOf([{}]), headers)).status,
    ).toBe(200);
  });
});

describe('a partition', () => {
  it('tells its offsets, size and meter', async () => {
    await broker.declare('told');
    await broker.produce('told', [{ value: 1 }]);
    const { rows_written: before } = (await broker.state('told', 0)).meter;
    await broker.produce(
      'told',
      Array.from({ length: 1_000 }, (_, i) => ({ value: i })),
    );
    const state = await broker.state('told', 0);
    expect(state).toMatchObject({ topic: 'told', partition: 0, log_start_offset: 0, high_watermark: 1_001 });
    expect(state.meter.rows_written - before).toBe(1);
    expect(state.size_bytes).toBeGreaterThan(10_000);
  });

  it('deletes records below an offset', async () => {
    await broker.declare('cut');
    await broker.produce(
      'cut',
      Array.from({ length: 10 }, (_, i) => ({ value: i })),
    );
    const path = '/v1/default/topics/cut/partitions/0/records';
    const { body } = await broker.call<object>('DELETE', `${path}?before=4`);
    expect(body).toMatchObject({ topic: 'cut', partition: 0, log_start_offset: 4, high_watermark: 10 });
    expect((await broker.fetch('cut', 0)).body.records.map(({ offset }) => offset)).toEqual([
      4, 5, 6, 7, 8, 9,
    ]);
    expect((await broker.fetch('cut', 0, 'offset=3')).body).toMatchObject({
      code: 'offset_below_start',
      log_start_offset: 4,
    });
    await broker.call('DELETE', `${path}?before=latest`);
    expect((await broker.fetch('cut', 0)).body).toMatchObject({
      records: [],
      next_offset: 10,
      log_start_offset: 10,
    });
  });

  it('has everything after a restart', async () => {
    await broker.declare('kept', { partitions: 2 });
    await broker.produce(
      'kept',
      Array.from({ length: 100 }, (_, i) => ({ key: `${i}`, value: i })),
    );
    const before = await Promise.all([0, 1].map((p) => broker.fetch('kept', p)));
    await broker.restart();
    const after = await Promise.all([0, 1].map((p) => broker.fetch('kept', p)));
    expect(after.map(({ body }) => body)).toEqual(before.map(({ body }) => body));
  });
});
