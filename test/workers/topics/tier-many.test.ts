/** Many partitions of one isolate, which share the memory for the bucket: all of them move their segments, and all are read. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { batchOf } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const HOT = 65_536;
const PARTITIONS = 5;
const BATCHES = 16;
const TEXT = 'x'.repeat(2_000);

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its partitions leave memory' });
});
afterAll(() => broker.stop());

const each = <Value>(act: (partition: number) => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => act(partition)));

it('seals and reads them at once', async () => {
  await broker.declare('many', { partitions: PARTITIONS, hot_bytes: HOT, retention_ms: null });
  await each(async (partition) => {
    for (let nth = 0; nth < BATCHES; nth++) {
      const records = Array.from({ length: 10 }, (_, index) => ({ value: `${nth * 10 + index} ${TEXT}` }));
      expect((await broker.produceBatches('many', String(partition), batchOf(records))).status).toBe(200);
    }
  });
  const hotBytes = () =>
    each(async (partition) => {
      const { size_bytes, cold_bytes } = await broker.state('many', partition);
      return size_bytes - cold_bytes;
    });
  await expect
    .poll(async () => Math.max(...(await hotBytes())), { timeout: 20_000 })
    .toBeLessThan(HOT * 1.25);
  await each((partition) => broker.evict('many', partition));
  const read = await each(async (partition) => {
    let count = 0;
    for (let offset = 0; ;) {
      const { status, body } = await broker.fetch('many', partition, `offset=${offset}&max_bytes=200000`);
      expect(status).toBe(200);
      if (body.records.length === 0) return count;
      count += body.records.length;
      offset = body.next_offset;
    }
  });
  expect(read).toEqual(Array.from({ length: PARTITIONS }, () => BATCHES * 10));
});
