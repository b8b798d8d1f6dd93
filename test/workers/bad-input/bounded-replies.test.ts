/** Requests that would inflate to far more than they have bytes: bounded on the way in and on the way out. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import {
  encodeBatch,
  gzipBatch,
  isBatchFailure,
  splitBatches,
} from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

/** What is looked at of any reply. */
interface Wire {
  records: { offset: number }[];
  next_offset: number;
  offsets: { offset: number; timestamp: number }[];
  member_id: string;
  id: number;
  epoch: number;
}

let broker: TestBroker;
/** 7 MiB in some 7 kB. */
let bomb: Uint8Array;
/** A batch of 500,000 records without anything in them. */
let swarm: Uint8Array;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its memory is filled' });
  const big = { key: null, value: bytesOf(`"${'x'.repeat(700_000)}"`), timestamp: 1_000 };
  bomb = await gzipBatch(encodeBatch(Array.from({ length: 10 }, () => big)));
  const small = { key: null, value: null, timestamp: 1_000 };
  swarm = await gzipBatch(encodeBatch(Array.from({ length: 500_000 }, () => small)));
});
afterAll(() => broker.stop());

const repeated = (batch: Uint8Array, count: number): Uint8Array =>
  new Uint8Array(Buffer.concat(Array.from({ length: count }, () => batch)));

const post = (path: string, bytes: Uint8Array) =>
  broker.call('POST', path, bytes, { 'content-type': RECORD_BATCH_TYPE });

async function text(method: string, path: string, body?: object): Promise<{ length: number; json: Wire }> {
  const response = await fetch(`${broker.url}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const reply = await response.text();
  expect([response.status, reply.slice(0, 300)]).toEqual([200, expect.anything()]);
  return { length: reply.length, json: JSON.parse(reply) as Wire };
}

const ONE = 710_000;

describe('gzip batches that inflate to a thousand times their size', () => {
  it('make a reply of what max_bytes allows, from which reading goes on', async () => {
    await broker.declare('bombs');
    for (let round = 0; round < 10; round++) {
      const produced = await broker.produceBatches('bombs', '0', repeated(bomb, 6));
      expect(produced.status).toBe(200);
    }
    const path = '/v1/default/topics/bombs/partitions/0/records';
    for (const maxBytes of [1, 1_048_576, 8_388_608]) {
      const { length, json } = await text('GET', `${path}?max_bytes=${maxBytes}`);
      expect(length).toBeLessThan(Math.max(ONE, maxBytes) + 1_000);
      expect(json.records.length).toBe(Math.max(1, Math.floor(maxBytes / 700_100)));
      expect(json.next_offset).toBe(json.records.length);
      const next = await text('GET', `${path}?max_bytes=1&offset=${json.next_offset}`);
      expect(next.json.records[0]!.offset).toBe(json.next_offset);
    }
    expect((await fetch(`${broker.url}/healthz`)).status).toBe(200);
  });

  it('are bounded for members of groups and of share groups', async () => {
    const joined = await broker.call<Wire>('POST', '/v1/default/groups/g/members', { topics: ['bombs'] });
    const records = `/v1/default/groups/g/members/${joined.body.member_id}/records`;
    const read = await text('GET', `${records}?max_bytes=2000000&wait_ms=10000`);
    expect(read.length).toBeLessThan(2_001_000);
    expect(read.json.records).toHaveLength(2);
    expect(read.json.offsets).toMatchObject([{ offset: 2 }]);
    await broker.call('PUT', '/v1/default/share-groups/s', { topics: ['bombs'] });
    const seen: number[] = [];
    for (let round = 0; round < 3; round++) {
      const acquired = await text('POST', '/v1/default/share-groups/s/records', {
        member_id: 'm',
        max_bytes: 2_000_000,
      });
      expect(acquired.length).toBeLessThan(2_200_000);
      seen.push(...acquired.json.records.map(({ offset }: { offset: number }) => offset));
    }
    // What is locked is told: none is missing.
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('of very many records are read a reply at a time', async () => {
    await broker.declare('swarms');
    expect((await broker.produceBatches('swarms', '0', swarm)).status).toBe(200);
    const path = '/v1/default/topics/swarms/partitions/0/records';
    const { json } = await text('GET', `${path}?offset=400000&max_records=10`);
    expect(json.records.map(({ offset }: { offset: number }) => offset)[0]).toBe(400_000);
    expect(json.next_offset).toBe(400_010);
  });

  it('are refused where a request would inflate to too much, before anything is stored', async () => {
    await broker.declare('refused');
    const many = repeated(bomb, 30);
    expect(isBatchFailure(splitBatches(many))).toBe(false);
    const topic = await post('/v1/default/topics/refused/records?partitions=0', many);
    expect(topic).toMatchObject({
      status: 413,
      body: { code: 'request_too_large', inflated_bytes_max: 67_108_864 },
    });
    expect((await broker.state('refused', 0)).high_watermark).toBe(0);
    await broker.call('PUT', '/v1/default/queues/refused', {});
    await broker.call('PUT', '/v1/default/exchanges/refused', { type: 'fanout' });
    for (const path of ['/v1/default/queues/refused/messages', '/v1/default/exchanges/refused/messages']) {
      expect(await post(path, many)).toMatchObject({ status: 413, body: { code: 'request_too_large' } });
      expect(await post(path, swarm)).toMatchObject({ status: 413, body: { code: 'too_many_records' } });
    }
    const huge = { key: null, value: new Uint8Array(2_000_000), timestamp: 1_000 };
    const over = await gzipBatch(encodeBatch([huge]));
    expect(await post('/v1/default/topics/refused/records?partitions=0', over)).toMatchObject({
      status: 413,
      body: { code: 'record_too_large' },
    });
  });
});

describe('a repeated idempotent produce', () => {
  it.each(['create', 'append'])('answers the stored time, with timestamps of kind %s', async (type) => {
    const topic = `times-${type}`;
    await broker.declare(topic, { timestamp_type: type });
    const { body: producer } = await broker.call<Wire>('POST', '/v1/default/producers', {});
    const send = (records: object[]) =>
      broker.call<Wire>('POST', `/v1/default/topics/${topic}/records`, {
        records: records.map((record) => ({ ...record, partition: 0 })),
        producer: { id: producer.id, epoch: producer.epoch, sequence: 0 },
      });
    const records = [{ value: 1 }, { value: 2, timestamp: 12_345 }, { value: 3 }];
    const first = await send(records);
    expect(first.status).toBe(200);
    await expect.poll(() => Date.now()).toBeGreaterThan(first.body.offsets[0]!.timestamp);
    const again = await send(records);
    expect(again.body).toEqual(first.body);
    const { body: stored } = await broker.fetch(topic, 0);
    expect(stored.records.map(({ timestamp }: { timestamp: number }) => timestamp)).toEqual(
      first.body.offsets.map(({ timestamp }: { timestamp: number }) => timestamp),
    );
  });
});

describe('an ordering key', () => {
  it.each([{ priority: 1 }, { delay_ms: 1 }, { deliver_at: 1 }])(
    'is refused with %j, however it is sent',
    async (mix) => {
      await broker.call('PUT', '/v1/default/queues/ordered', { max_priority: 31 });
      const properties = { ordering_key: 'k', ...mix };
      const messages = [{ body: 1, properties }];
      for (const path of ['/v1/default/queues/ordered/messages', '/v1/default/exchanges/amq.fanout/messages'])
        expect(await broker.call('POST', path, { messages })).toMatchObject({ status: 400 });
      const [[name, value]] = Object.entries(mix) as [[string, number]];
      const headers = [{ key: `:${name.replace('_', '-')}`, value: bytesOf(String(value)) }];
      const raw = encodeBatch([{ key: bytesOf('k'), value: null, timestamp: 1_000, headers }]);
      expect(await post('/v1/default/queues/ordered/messages', raw)).toMatchObject({
        status: 400,
        body: { code: 'invalid_message' },
      });
      const allowed = [{ body: 1, properties: { ordering_key: 'k', priority: 0, delay_ms: 0 } }];
      expect(
        (await broker.call('POST', '/v1/default/queues/ordered/messages', { messages: allowed })).status,
      ).toBe(200);
    },
  );
});
