/** The ceiling of what a namespace may write in an hour: who is stopped, who goes on, and when it opens again. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CostLimitsReply } from '../../../protocol/schemas/cost-limits.ts';
import type { Overview } from '../../../protocol/schemas/overview.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { TransactionClient } from '../../support/clients/transaction-client.ts';
import { until } from '../../support/clients/webhook-receiver.ts';

const HOUR_MS = 3_600_000;
const CEILING = 600;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
});
afterAll(() => broker.stop());

const limits = async () => (await broker.call<CostLimitsReply>('GET', '/v1/default/limits')).body;
const limit = (rows_written_per_hour: number | null) =>
  broker.call<CostLimitsReply>('PUT', '/v1/default/limits', { rows_written_per_hour });
const publish = () => broker.call('POST', '/v1/default/queues/jobs/messages', { messages: [{ body: 1 }] });
const produce = () => broker.call('POST', '/v1/default/topics/events/records', { records: [{ value: 1 }] });

/** Publishes like a runaway program. Returns how many were accepted before the refusal. */
async function publishUntilRefused(): Promise<number> {
  for (let taken = 0; taken < 20 * CEILING; taken++) {
    const { status, body, headers } = await publish();
    if (status === 200) continue;
    expect(body).toMatchObject({ status: 429, code: 'cost_ceiling', retryable: true });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(3_600);
    return taken;
  }
  throw new Error('nothing has stopped it');
}

const ceilingProblems = async () =>
  (await broker.call<Overview>('GET', '/v1/default/overview')).body.problems.filter(
    ({ problem }) => problem === 'cost_ceiling',
  );

describe('the ceiling of a namespace', () => {
  it('is none from the start, and counts all the same', async () => {
    expect(await limits()).toMatchObject({ rows_written_per_hour: null, is_exceeded: false });
  });

  it('stops a publisher gone wild; consumers go on', async () => {
    expect((await limit(CEILING)).body).toMatchObject({ rows_written_per_hour: CEILING });
    await broker.call('PUT', '/v1/default/queues/jobs', {});
    await broker.declare('events');
    const taken = await publishUntilRefused();
    // One row a message, and few reports at first: within a tenth and a step of the ceiling.
    expect(taken).toBeGreaterThan(CEILING * 0.8);
    expect(taken).toBeLessThan(CEILING * 1.2);
    const { rows_written_this_hour, is_exceeded, resets_at } = await limits();
    expect(is_exceeded).toBe(true);
    expect(rows_written_this_hour).toBeGreaterThanOrEqual(CEILING);
    expect(resets_at % HOUR_MS).toBe(0);
    await until(
      async () => (await ceilingProblems()).some(({ detail }) => detail.includes('are refused')),
      'the problem',
    );
    expect(await ceilingProblems()).toMatchObject([{ kind: 'namespace', name: 'default' }]);
    const published = await broker.call('POST', '/v1/default/exchanges/amq.default/messages', {
      messages: [{ routing_key: 'jobs', body: 1 }],
    });
    expect(published.body.code).toBe('cost_ceiling');
    expect(published.headers.has('retry-after')).toBe(true);
    const { body } = await broker.call<{ deliveries: { delivery_tag: string; body: unknown }[] }>(
      'POST',
      '/v1/default/queues/jobs/deliveries',
      { max: 10 },
    );
    expect(body.deliveries).toHaveLength(10);
    const settled = await broker.call<{ results: { outcome: string }[] }>(
      'POST',
      '/v1/default/queues/jobs/settlements',
      { ack: body.deliveries.map(({ delivery_tag }) => delivery_tag) },
    );
    expect(settled.body.results.every(({ outcome }) => outcome === 'settled')).toBe(true);
    expect((await broker.fetch('events', 0)).status).toBe(200);
  });

  it('stops other objects of the namespace when they report', async () => {
    let refused = false;
    for (let i = 0; i < 100 && !refused; i++) refused = (await produce()).body.code === 'cost_ceiling';
    expect(refused).toBe(true);
  });

  it('is kept across a restart', async () => {
    await broker.restart();
    expect(await limits()).toMatchObject({ rows_written_per_hour: CEILING, is_exceeded: true });
    expect(await ceilingProblems()).toHaveLength(1);
  });

  it('opens with the next hour', async () => {
    for (let i = 0; i < 100 && (await publish()).status === 200; i++);
    expect((await publish()).status).toBe(429);
    const { resets_at } = await limits();
    await broker.advance(resets_at - Date.now() + 100);
    expect((await publish()).status).toBe(200);
    expect(await limits()).toMatchObject({ is_exceeded: false });
  });

  it('opens soon after it was raised, or taken away', async () => {
    await publishUntilRefused();
    await limit(null);
    await until(async () => (await ceilingProblems()).length === 0, 'the problem to be over');
    await broker.advance(11_000);
    await publish();
    await until(async () => (await publish()).status === 200, 'the publisher to be let in');
  });

  it('never stops what the broker itself hands on', async () => {
    await broker.call('PUT', '/v1/default/queues/dying', { dead_letter: { queue: 'jobs' } });
    await broker.call('POST', '/v1/default/queues/dying/messages', { messages: [{ body: 'poison' }] });
    await limit(1);
    await broker.restart(); // the queue hears of the ceiling with its first report
    for (let i = 0; i < 500 && (await publish()).status === 200; i++);
    expect((await publish()).status).toBe(429);
    const { body } = await broker.call<{ deliveries: { delivery_tag: string }[] }>(
      'POST',
      '/v1/default/queues/dying/deliveries',
      { max: 1 },
    );
    const { published } = await meter();
    await broker.call('POST', '/v1/default/queues/dying/settlements', {
      reject: body.deliveries.map(({ delivery_tag: tag }) => ({ tag })),
    });
    await until(async () => (await meter()).published === published + 1, 'the dead letter');
    await limit(null);
  });

  it('never stops a transaction from ending', async () => {
    await broker.restart(); // nobody remembers a ceiling
    await broker.declare('ledger');
    const tx = await TransactionClient.begin(() => broker);
    await tx.send('ledger', 0, 'kept');
    const binding = { destination: { kind: 'topic', name: 'events' }, routing_key: 'x' };
    await broker.call('POST', '/v1/default/exchanges/amq.topic/bindings', binding);
    const message = { body: 'handed on', routing_key: 'x' };
    const held = await broker.call('POST', `/v1/default/transactions/${tx.name}/messages`, {
      ...{ producer: tx.producer, sequence: 0, exchange: 'amq.topic', messages: [message] },
    });
    expect(held.status).toBe(200);
    await limit(1);
    for (const topic of ['ledger', 'events']) {
      const full = (): Promise<{ status: number }> =>
        broker.call('POST', `/v1/default/topics/${topic}/records`, { records: [{ value: 1 }] });
      for (let i = 0; i < 1_500 && (await full()).status === 200; i++);
      expect((await full()).status).toBe(429);
    }
    expect((await tx.end('commit')).body.state).toBe('empty');
    const { body } = await broker.fetch('ledger', 0, 'isolation=read_committed');
    expect(body.records[0]).toMatchObject({ value: 'kept' });
    const { high_watermark: end } = await broker.state('events', 0);
    const last = await broker.fetch('events', 0, `offset=${end - 1}`);
    expect(last.body.records).toMatchObject([{ value: 'handed on' }]);
    await limit(null);
  });

  it.each([[{ rows_written_per_hour: 0 }], [{ rows_written_per_hour: 1.5 }], [{}], [{ rows: 1 }]])(
    'is refused as %j',
    async (body) => {
      expect((await broker.call('PUT', '/v1/default/limits', body)).status).toBe(400);
    },
  );
});

async function meter(): Promise<{ rows_written: number; published: number }> {
  type State = { state: { meter: { rows_written: number; published: number } } };
  return (await broker.call<State>('GET', '/v1/default/queues/jobs')).body.state.meter;
}

describe('a ceiling closes within a tenth of what it says', () => {
  let spaces = 0;
  const space = async (partitions = 2): Promise<string> => {
    const namespace = `space${++spaces}`;
    await broker.call('PUT', `/admin/v1/namespaces/${namespace}`, {});
    await broker.call('PUT', `/v1/${namespace}/queues/jobs`, {});
    await broker.call('PUT', `/v1/${namespace}/topics/events`, { partitions });
    return `/v1/${namespace}`;
  };
  const setCeiling = (base: string, rows_written_per_hour: number) =>
    broker.call('PUT', `${base}/limits`, { rows_written_per_hour });
  const ways: Record<string, (base: string, nth: number) => Promise<{ status: number }>> = {
    'a queue': (base) => broker.call('POST', `${base}/queues/jobs/messages`, { messages: [{ body: 1 }] }),
    'a topic of two partitions': (base, nth) =>
      broker.call('POST', `${base}/topics/events/records`, { records: [{ value: 1, partition: nth % 2 }] }),
    'an exchange': (base) =>
      broker.call('POST', `${base}/exchanges/amq.default/messages`, {
        messages: [{ routing_key: 'jobs', body: 1 }],
      }),
  };

  /** Rows of the queue and the partitions since they were made. */
  async function rowsOf(base: string, count = 2): Promise<number> {
    interface Metered {
      meter: { rows_written: number };
    }
    const queue = await broker.call<{ state: Metered }>('GET', `${base}/queues/jobs`);
    const partitions = await Promise.all(
      Array.from({ length: count }, (_, nth) =>
        broker.call<Metered>('GET', `${base}/topics/events/partitions/${nth}`),
      ),
    );
    return [queue.body.state, ...partitions.map(({ body }) => body)].reduce(
      (sum, { meter }) => sum + meter.rows_written,
      0,
    );
  }

  /** Publishes in as many loops at once until each is refused. */
  async function untilRefused(base: string, way: string, loops: number): Promise<void> {
    const loop = async (): Promise<void> => {
      for (let nth = 0; (await ways[way]!(base, nth)).status === 200; nth++);
    };
    await Promise.all(Array.from({ length: loops }, loop));
  }

  it.each(Object.keys(ways).flatMap((way) => [20, 200].map((ceiling) => [ceiling, way] as const)))(
    'of %i rows, by %s',
    async (ceiling, way) => {
      const base = await space();
      await setCeiling(base, ceiling);
      const before = await rowsOf(base);
      await untilRefused(base, way, 1);
      const written = (await rowsOf(base)) - before;
      expect(Math.abs(written - ceiling), `${written}`).toBeLessThanOrEqual(ceiling / 10);
    },
  );

  it('of 2,000 rows, by several publishers to many partitions', async () => {
    const partitions = 16;
    const base = await space(partitions);
    await setCeiling(base, 2_000);
    const before = await rowsOf(base, partitions);
    const records = Array.from({ length: partitions }, (_, partition) => ({ value: 1, partition }));
    const wide = async (): Promise<void> => {
      while ((await broker.call('POST', `${base}/topics/events/records`, { records })).status === 200);
    };
    await Promise.all([wide(), wide(), untilRefused(base, 'a queue', 1)]);
    const written = (await rowsOf(base, partitions)) - before;
    expect(Math.abs(written - 2_000), `${written}`).toBeLessThanOrEqual(200);
    const { body } = await broker.call<CostLimitsReply>('GET', `${base}/limits`);
    expect(Math.abs(body.rows_written_this_hour - written)).toBeLessThanOrEqual(200);
  });

  it('that is set while messages come in, and opens when it is raised', async () => {
    const base = await space();
    for (let nth = 0; nth < 70; nth++) await ways['a queue']!(base, nth);
    const { rows_written_this_hour: reported } = (await broker.call<CostLimitsReply>('GET', `${base}/limits`))
      .body;
    await setCeiling(base, 100);
    const before = await rowsOf(base);
    await untilRefused(base, 'a queue', 1);
    const written = (await rowsOf(base)) - before;
    // Up to a step of the time without a ceiling was not reported when it was set.
    expect(written).toBeLessThanOrEqual(110 - reported);
    await setCeiling(base, 200);
    await expect.poll(async () => (await ways['a queue']!(base, 0)).status).toBe(200);
    await untilRefused(base, 'a queue', 1);
    await broker.call('PUT', `${base}/limits`, { rows_written_per_hour: null });
    await expect.poll(async () => (await ways['a queue']!(base, 0)).status).toBe(200);
  });
});
