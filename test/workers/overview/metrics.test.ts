/** Metrics: what they say, who may read them, and what promtool thinks of them, where it is installed. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXPOSITION_TYPES, type ExpositionFormat } from '../../../core/metrics/exposition.ts';
import { promtool, hasPrometheus } from '../../../scripts/peers/prometheus.ts';
import { parseExposition, type ParsedSample } from '../../support/exposition-parser.ts';
import { bearer, LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let rootSees: ParsedSample[];

beforeAll(async () => {
  locked = await LockedBroker.start();
  for (const namespace of ['green', 'blue']) {
    await locked.namespace(namespace);
    await locked.call('PUT', `/v1/${namespace}/queues/jobs`, {});
    await locked.call('POST', `/v1/${namespace}/queues/jobs/messages`, {
      messages: [{ body: 1 }, { body: 2 }],
    });
    await locked.call('PUT', `/v1/${namespace}/topics/events`, { partitions: 2 });
    await locked.call('POST', `/v1/${namespace}/topics/events/records`, {
      records: [{ value: 1, partition: 1 }],
    });
  }
  const { body } = await locked.call<{ deliveries: { delivery_tag: string }[] }>(
    'POST',
    '/v1/green/queues/jobs/deliveries',
    { max: 1 },
  );
  await locked.call('POST', '/v1/green/queues/jobs/settlements', {
    reject: [{ tag: body.deliveries[0]!.delivery_tag }],
  });
  rootSees = await samples(ROOT);
  for (
    let times = 0;
    times < 20 && of(rootSees, 'posthorn_dead_letters_total', { reason: 'rejected' })[0] !== 1;
    times++
  ) {
    await fetch(`${locked.broker.url}/in/green/test/ask`);
    await fetch(`${locked.broker.url}/in/blue/test/ask`);
    rootSees = await samples(ROOT);
  }
});
afterAll(() => locked.broker.stop());

const get = (credential: string, query = '', accept = ''): Promise<Response> =>
  fetch(`${locked.broker.url}/metrics${query}`, { headers: { ...bearer(credential), accept } });

async function samples(credential: string, query = ''): Promise<ParsedSample[]> {
  const reply = await get(credential, query);
  expect(reply.status).toBe(200);
  return parseExposition(await reply.text(), 'prometheus');
}

function of(found: ParsedSample[], wanted: string, labels: Record<string, string>): number[] {
  const all = { namespace: 'green', ...labels };
  return found.flatMap(({ name, labels: has, value }) =>
    name === wanted && Object.entries(all).every(([label, text]) => has[label] === text) ? [value] : [],
  );
}

const namespacesIn = (found: ParsedSample[]): string[] =>
  [...new Set(found.flatMap(({ labels }) => labels['namespace'] ?? []))].sort();

describe('metrics', () => {
  it('tell of queues, dead letters, partitions and rows', () => {
    const jobs = { queue: 'jobs' };
    expect(of(rootSees, 'posthorn_queue_messages', { ...jobs, state: 'ready' })).toEqual([1]);
    expect(of(rootSees, 'posthorn_messages_published_total', jobs)).toEqual([2]);
    expect(of(rootSees, 'posthorn_dead_letters_total', { ...jobs, reason: 'rejected' })).toEqual([1]);
    expect(of(rootSees, 'posthorn_partition_high_watermark', { topic: 'events', partition: '1' })).toEqual([
      1,
    ]);
    expect(of(rootSees, 'posthorn_partition_high_watermark', { topic: 'events', partition: '0' })).toEqual([
      0,
    ]);
    expect(of(rootSees, 'posthorn_rows_written_total', { object: 'queue' })[0]).toBeGreaterThan(0);
    expect(of(rootSees, 'posthorn_objects', { object: 'queue' })).toEqual([2]);
    expect(of(rootSees, 'posthorn_problems', { problem: 'dead_letters' })).toEqual([1]);
  });

  it('count on when the overview has slept', async () => {
    await locked.broker.evictObject('Overview', 'green');
    const after = await samples(ROOT, '?namespace=green');
    const counters = (found: ParsedSample[]) =>
      found.filter(({ name, labels }) => name.endsWith('_total') && labels['namespace'] === 'green');
    expect(counters(after)).toEqual(counters(rootSees));
  });

  it.each(Object.entries(EXPOSITION_TYPES) as [ExpositionFormat, string][])(
    'are text as %s',
    async (format, type) => {
      const reply = await get(ROOT, '', type);
      expect(reply.headers.get('content-type')).toBe(type);
      expect(parseExposition(await reply.text(), format).length).toBeGreaterThan(50);
    },
  );

  it('satisfy promtool', async ({ skip }) => {
    if (!(await hasPrometheus())) skip('there is no promtool: apt-get install prometheus');
    expect(await promtool(['check', 'metrics'], await (await get(ROOT)).text())).toBe('');
  });
});

describe('who may read metrics', () => {
  it('is who has the right in the namespace, and sees no other', async () => {
    expect(namespacesIn(rootSees)).toEqual(['blue', 'default', 'green']);
    expect(namespacesIn(await samples(ROOT, '?namespace=blue'))).toEqual(['blue']);
    const { token } = await locked.token('green', { roles: ['metrics'] });
    expect(namespacesIn(await samples(token))).toEqual(['green']);
    expect((await get(token, '?namespace=blue')).status).toBe(403);
  });

  it('is nobody else', async () => {
    for (const role of ['producer', 'consumer', 'operator', 'viewer'] as const) {
      const { token } = await locked.token('green', { roles: [role] });
      expect([role, (await get(token)).status]).toEqual([role, 403]);
    }
    expect((await fetch(`${locked.broker.url}/metrics`)).status).toBe(401);
    expect((await get('nobody')).status).toBe(401);
  });

  it('names a namespace that is there', async () => {
    expect((await get(ROOT, '?namespace=red')).status).toBe(404);
    expect((await get(ROOT, '?namespace=a%20b')).status).toBe(400);
    expect((await get(ROOT, '?namespace=green&namespace=blue')).status).toBe(400);
  });
});
