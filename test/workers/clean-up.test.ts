/** What happens by time: retention, compaction, freed storage, by the alarm, by the next request and by the watchdog. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filler } from '../support/batches.ts';
import { TestBroker } from '../support/broker/test-broker.ts';

const HOUR_MS = 3_600_000;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
});
afterAll(() => broker.stop());

describe('clean-up', () => {
  it('removes what is older than the retention time, by the alarm alone', async () => {
    await broker.declare('short-lived', { retention_ms: 1_000 });
    await broker.produce('short-lived', [{ value: 1 }]);
    const { rows_written: before } = (await broker.state('short-lived', 0)).meter;
    await delay(2_500);
    const { log_start_offset, high_watermark, meter } = await broker.state('short-lived', 0);
    expect([log_start_offset, high_watermark]).toEqual([1, 1]);
    expect(meter.rows_written - before, 'one segment and the row of the log').toBeLessThanOrEqual(2);
  });

  it('runs with the next request where the alarm is late', async () => {
    await broker.declare('late', { retention_ms: 2 * HOUR_MS });
    await broker.produce('late', [{ value: 'old' }]);
    await broker.advance(3 * HOUR_MS);
    expect((await broker.fetch('late', 0)).body).toMatchObject({ records: [], log_start_offset: 1 });
    await broker.produce('late', [{ value: 'new' }]);
    expect((await broker.fetch('late', 0)).body.records).toMatchObject([{ offset: 1, value: 'new' }]);
  });

  it('holds a partition to its size', async () => {
    await broker.declare('sized', { retention_bytes: 1_000_000, retention_ms: null });
    for (let i = 0; i < 40; i++) await broker.produceBatches('sized', '0', filler(100, 1_000));
    await broker.advance(HOUR_MS);
    const { size_bytes, log_start_offset, high_watermark } = await broker.state('sized', 0);
    expect(size_bytes).toBeGreaterThanOrEqual(1_000_000);
    expect(size_bytes).toBeLessThan(1_200_000);
    expect(log_start_offset).toBeGreaterThan(2_500);
    expect((await broker.fetch('sized', 0, 'offset=earliest&max_records=1')).body.records[0]!.offset).toBe(
      log_start_offset,
    );
    expect(high_watermark).toBe(4_000);
  });

  it('compacts a topic, across an eviction in the middle', async () => {
    await broker.declare('latest', { cleanup_policy: 'compact' });
    for (let i = 0; i < 60; i++) {
      const records = Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: `${i}`.padEnd(2_000) }));
      await broker.produce('latest', records);
    }
    await broker.advance(60_000);
    await broker.state('latest', 0);
    await broker.evict('latest', 0);
    await broker.state('latest', 0);
    await broker.advance(60_000);
    for (let tries = 0; (await broker.state('latest', 0)).size_bytes > 200_000 && tries < 50; tries++)
      await delay(20);
    const { body } = await broker.fetch('latest', 0);
    const values = new Map(body.records.map(({ key, value }) => [key, (value as string).trim()]));
    expect([...values]).toEqual(Array.from({ length: 20 }, (_, n) => [`k${n}`, '59']));
    expect(body.next_offset).toBe(1_200);
    expect((await broker.state('latest', 0)).size_bytes).toBeLessThan(200_000);
  });

  it('frees what deleted records occupied', async () => {
    await broker.declare('freed', { retention_ms: null });
    for (let i = 0; i < 10; i++) await broker.produceBatches('freed', '0', filler(100, 1_000));
    await broker.call('DELETE', '/v1/default/topics/freed/partitions/0/records?before=latest');
    await expect
      .poll(() => broker.state('freed', 0))
      .toMatchObject({ segments: 0, size_bytes: 0, high_watermark: 1_000 });
  });

  it('is changed by a change of the topic at once', async () => {
    await broker.declare('changed', { retention_ms: null });
    await broker.produce('changed', [{ value: 'from long ago', timestamp: 1_000 }]);
    await broker.call('PATCH', '/v1/default/topics/changed', { retention_ms: HOUR_MS });
    await broker.advance(HOUR_MS);
    expect((await broker.fetch('changed', 0)).body.log_start_offset).toBe(1);
  });

  it('leaves partitions alone that the watchdog visits and that have nothing to do', async () => {
    await broker.declare('visited');
    await broker.produce('visited', [{ value: 1 }]);
    await broker.broker.runCron();
    expect((await broker.fetch('visited', 0)).body.records).toHaveLength(1);
  });
});
