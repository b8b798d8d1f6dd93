/**
 * A real Prometheus scrapes a broker: what it stores is what happened, and the alert rules and the Grafana dashboard ask for
 * metrics that are there. Exits with 1 if not. It needs Debian's `prometheus`.
 *
 *   npm run peer:prometheus
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promtool, startPrometheus } from '../../../scripts/peers/prometheus.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const OPERATE = join(import.meta.dirname, '../../../docs/operate');
const RULES = join(OPERATE, 'alert-rules.yml');
const NAME = /posthorn_[a-z_]+/g;

async function until<Found>(look: () => Promise<Found | null>, what: string): Promise<Found> {
  for (const endMs = Date.now() + 40_000; Date.now() < endMs; await sleep(500)) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error(`waited 40 s for ${what}`);
}

console.log(await promtool(['check', 'rules', RULES]));
const broker = await TestBroker.start({ own: 'Prometheus scrapes the whole broker' });
const prometheus = await startPrometheus(new URL(broker.url).host, [RULES]);
try {
  await broker.call('PUT', '/v1/default/queues/orders', {});
  await broker.call('POST', '/v1/default/queues/orders/messages', { messages: [{ body: 1 }, { body: 2 }] });
  const { body } = await broker.call<{ deliveries: { delivery_tag: string }[] }>(
    'POST',
    '/v1/default/queues/orders/deliveries',
    { max: 1 },
  );
  await broker.call('POST', '/v1/default/queues/orders/settlements', {
    reject: [{ tag: body.deliveries[0]!.delivery_tag }],
  });
  await broker.declare('events', { partitions: 1 });
  await broker.produce('events', [{ value: 1 }]);
  const joined = await broker.call<{ member_id: string }>('POST', '/v1/default/groups/readers/members', {
    topics: ['events'],
  });
  await broker.call('GET', `/v1/default/groups/readers/members/${joined.body.member_id}/records`);

  const only = async (expression: string): Promise<number | null> =>
    (await prometheus.query(expression))[0]?.value ?? null;
  const is = async (expression: string, value: number): Promise<void> => {
    await until(
      async () => ((await only(expression)) === value ? true : null),
      `${expression} to be ${value}`,
    );
    console.log(`${expression} ${value}`);
  };
  await is('up{job="posthorn"}', 1);
  await is('posthorn_messages_published_total{queue="orders"}', 2);
  await is('posthorn_dead_letters_total{queue="orders",reason="rejected"}', 1);
  await is('posthorn_queue_messages{queue="orders.dlq",state="ready"}', 1);
  await is('posthorn_group_lag{group="readers",topic="events"}', 1);
  assert.equal((await prometheus.query('ALERTS{alertname="PosthornDown"}')).length, 0);

  const stored = await until(
    async () => await prometheus.query('count by (__name__) ({__name__=~"posthorn_.*"})'),
    'the names of all metrics',
  );
  const known = new Set(stored.map(({ metric }) => metric['__name__']));
  for (const file of ['alert-rules.yml', 'grafana-dashboard.json']) {
    const text = await readFile(join(OPERATE, file), 'utf8');
    const unknown = [...new Set(text.match(NAME))].filter((name) => !known.has(name));
    assert.deepEqual(unknown, [], `${file} asks for metrics that are not there`);
  }
  console.log(`${known.size} metrics; the rules and the dashboard ask for no others`);
} finally {
  await prometheus.stop();
  await broker.stop();
}
