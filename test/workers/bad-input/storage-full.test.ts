/** A queue or partition that nears what an object can hold: it takes nothing more, and what frees space goes on. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

const BYTES_MAX = 2_000_000;
const TEXT = 'x'.repeat(100_000);

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ vars: { POSTHORN_OBJECT_BYTES_MAX: String(BYTES_MAX) } });
});
afterAll(() => broker.stop());

const publish = (queue: string, bodies: unknown[] = [TEXT]) =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages: bodies.map((body) => ({ body })) });

/** @returns how many messages it took before it refused one, and the refusal is as it should be */
async function fillQueue(queue: string): Promise<number> {
  for (let taken = 0; taken < 100; taken++) {
    const { status, headers, body } = await publish(queue);
    if (status === 200) continue;
    expect([status, body.code, body.retryable]).toEqual([507, 'storage_full', true]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    return taken;
  }
  throw new Error('it was never full');
}

interface Deliveries {
  deliveries: { delivery_tag: string }[];
}

async function take(queue: string): Promise<string[]> {
  const { body } = await broker.call<Deliveries>('POST', `/v1/default/queues/${queue}/deliveries`, {
    max: 100,
  });
  return body.deliveries.map(({ delivery_tag: tag }) => tag);
}

const settle = (queue: string, settlement: object) =>
  broker.call('POST', `/v1/default/queues/${queue}/settlements`, settlement);

describe('a full queue', () => {
  it('takes messages again when those it holds are acknowledged', async () => {
    await broker.call('PUT', '/v1/default/queues/acked', {});
    const count = await fillQueue('acked');
    expect(count).toBeGreaterThan(10);
    const tags = await take('acked');
    expect(tags).toHaveLength(count);
    expect((await settle('acked', { ack: tags })).status).toBe(200);
    expect(await fillQueue('acked')).toBeGreaterThan(10);
  });

  it('takes messages again after a purge', async () => {
    await broker.call('PUT', '/v1/default/queues/purged', {});
    await fillQueue('purged');
    expect((await broker.call('POST', '/v1/default/queues/purged/purge')).body).toMatchObject({
      queue: 'purged',
    });
    expect(await fillQueue('purged')).toBeGreaterThan(10);
  });

  it('keeps retries, and sends dead letters on to another queue until that is full too', async () => {
    await broker.call('PUT', '/v1/default/queues/failing', { retry: { schedule_ms: [3_600_000] } });
    const count = await fillQueue('failing');
    const tags = await take('failing');
    const outcomes = await settle('failing', {
      nack: [{ tag: tags[0] }],
      reject: tags.slice(1).map((tag) => ({ tag })),
    });
    expect(outcomes.status).toBe(200);
    for (;;) {
      const { body } = await broker.call<{ state: { ready: number } }>(
        'GET',
        '/v1/default/queues/failing.dlq',
      );
      if (body.state?.ready >= count - 3) break;
    }
    expect((await broker.call('DELETE', '/v1/default/queues/failing.dlq/dead-letters')).status).toBe(200);
    expect((await publish('failing')).status).toBe(200);
  });

  it('replays its dead letters into a queue that has room', async () => {
    await broker.call('PUT', '/v1/default/queues/letters', {});
    await broker.call('PUT', '/v1/default/queues/roomy', {});
    await broker.call('PUT', '/v1/default/queues/dying', {
      dead_letter: { queue: 'letters' },
      retry: { schedule_ms: [] },
    });
    expect((await publish('dying')).status).toBe(200);
    const [tag] = await take('dying');
    await settle('dying', { reject: [{ tag }] });
    const letters = () =>
      broker.call<{ state: { ready: number } }>('GET', '/v1/default/queues/letters').then(({ body }) => body);
    while ((await letters()).state.ready === 0);
    await fillQueue('letters');
    const replay = await broker.call<{ id: string; done: boolean; moved: number }>(
      'POST',
      '/v1/default/queues/letters/dead-letters/replay?self=true',
      { to: { queue: 'roomy' } },
    );
    expect(replay.status).toBe(202);
    while ((await take('roomy')).length === 0);
  });
});

describe('a full partition', () => {
  const fillTopic = async (topic: string): Promise<number> => {
    for (let taken = 0; taken < 100; taken++) {
      const { status, body } = await broker.call('POST', `/v1/default/topics/${topic}/records`, {
        records: [{ key: 'k', value: TEXT }],
      });
      if (status === 200) continue;
      expect([status, body.code]).toEqual([507, 'storage_full']);
      return taken;
    }
    throw new Error('it was never full');
  };

  it('is read, takes commits, and takes records again when old ones are deleted', async () => {
    await broker.declare('full');
    const count = await fillTopic('full');
    expect(count).toBeGreaterThan(10);
    expect((await broker.fetch('full', 0, 'offset=earliest&max_records=1')).status).toBe(200);
    const deleted = await broker.call('DELETE', '/v1/default/topics/full/partitions/0/records?before=latest');
    expect(deleted.status).toBe(200);
    expect(await fillTopic('full')).toBeGreaterThan(10);
  });

  it('takes records again when a retention that was lowered has removed old ones', async () => {
    await broker.declare('kept');
    await fillTopic('kept');
    const changed = await broker.call('PATCH', '/v1/default/topics/kept', { retention_bytes: 1_048_576 });
    expect(changed.status).toBe(200);
    await broker.advance(3_600_000);
    for (;;) {
      const { status } = await broker.produce('kept', [{ value: TEXT }]);
      if (status === 200) break;
      expect(status).toBe(507);
    }
  });

  it('takes records again when compaction has removed what newer ones replace', async () => {
    await broker.declare('compacted', { cleanup_policy: 'compact' });
    await fillTopic('compacted');
    for (;;) {
      await broker.advance(3_600_000);
      const { status } = await broker.produce('compacted', [{ key: 'k', value: TEXT }]);
      if (status === 200) break;
      expect(status).toBe(507);
    }
  });
});
