/** A change of the topology that did not reach the objects it concerns. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted' });
});
afterAll(() => broker.stop());

const failNext = (times: number): Promise<unknown> => fetch(`${broker.url}/test/unreachable?times=${times}`);

describe('a partition that could not be told of its topic', () => {
  it('is told by the first request that finds out', async () => {
    await failNext(1);
    expect((await broker.declare('untold', { partitions: 3 })).status).toBe(201);
    const { status, body } = await broker.produce('untold', [{ partition: 0, value: 1 }]);
    expect([status, body.offsets]).toMatchObject([200, [{ partition: 0, offset: 0 }]]);
    for (const partition of [0, 1, 2]) expect((await broker.fetch('untold', partition)).status).toBe(200);
  });

  it('is unavailable, not lost, while it cannot be told', async () => {
    await failNext(1_000);
    await broker.declare('unreachable');
    const { status, body } = await broker.call('POST', '/v1/default/topics/unreachable/records', {
      records: [{ value: 1 }],
    });
    expect([status, body.code, body.retryable]).toEqual([503, 'partition_unavailable', true]);
    await failNext(0);
    expect((await broker.produce('unreachable', [{ value: 1 }])).body.offsets[0]!.offset).toBe(0);
  });

  it('is told after a restart', async () => {
    await failNext(1_000);
    await broker.declare('restarted', { partitions: 2 });
    await broker.restart();
    expect((await broker.produce('restarted', [{ partition: 1, value: 1 }])).status).toBe(200);
    expect((await broker.state('restarted', 0)).high_watermark).toBe(0);
  });

  it('does not come back with a topic that was deleted meanwhile', async () => {
    await failNext(1);
    await broker.declare('short-lived', { partitions: 2 });
    await broker.call('DELETE', '/v1/default/topics/short-lived');
    expect((await broker.produce('short-lived', [{ value: 1 }])).status).toBe(404);
    await broker.declare('short-lived', { partitions: 2 });
    expect((await broker.state('short-lived', 0)).high_watermark).toBe(0);
  });
});
