/** Quotas of what a namespace has: whatever makes something counts, and what is there stays. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CountQuota } from '../../../core/access/quotas/quotas.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { NamespaceReply } from '../../../protocol/schemas/namespaces.ts';
import type { Reply } from '../../support/broker/test-broker.ts';
import { until } from '../../support/broker/serve-process.ts';
import { LockedBroker } from './support.ts';

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

let spaces = 0;
/** A namespace of its own for each test, with everything that the others need to be declared. */
async function space(): Promise<string> {
  const namespace = `space${++spaces}`;
  await locked.namespace(namespace);
  await locked.call('PUT', `/v1/${namespace}/topics/events`, { partitions: 2 });
  await locked.call('PUT', `/v1/${namespace}/queues/jobs`, {});
  await locked.call('PUT', `/v1/${namespace}/exchanges/orders`, { type: 'topic' });
  return namespace;
}
const limit = (namespace: string, quotas: object): Promise<Reply<NamespaceReply>> =>
  locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, { quotas });
const use = async (namespace: string): Promise<NamespaceReply['use']> =>
  (await locked.call<NamespaceReply>('GET', `/admin/v1/namespaces/${namespace}`)).body.use;

const bindingTo = (key: string): object => ({
  destination: { kind: 'queue', name: 'jobs' },
  routing_key: key,
});
const key = (nth: number): string => `k${nth}`;

type Call = (base: string, nth: number) => Promise<Reply<ProblemDocument>>;

/** Each way to make one more. */
const ways: readonly [quota: CountQuota, what: string, make: Call][] = [
  ['queues', 'a queue', (base, nth) => locked.call('PUT', `${base}/queues/q${nth}`, {})],
  ['topics', 'a topic', (base, nth) => locked.call('PUT', `${base}/topics/t${nth}`, {})],
  ['partitions', 'a topic', (base, nth) => locked.call('PUT', `${base}/topics/p${nth}`, { partitions: 1 })],
  [
    'partitions',
    'a partition of a topic',
    (base, nth) => locked.call('PATCH', `${base}/topics/events`, { partitions: 2 + nth }),
  ],
  [
    'bindings',
    'a binding',
    (base, nth) => locked.call('POST', `${base}/exchanges/orders/bindings`, bindingTo(key(nth))),
  ],
  [
    'bindings',
    'one of many bindings',
    (base, nth) =>
      locked.call('POST', `${base}/bindings`, {
        bindings: [{ source: 'orders', ...bindingTo(key(nth)) }],
      }),
  ],
  [
    'groups',
    'a group that is joined',
    (base, nth) => locked.call('POST', `${base}/groups/g${nth}/members`, { topics: ['events'] }),
  ],
  [
    'groups',
    'a group whose offsets are set',
    (base, nth) => locked.call('PUT', `${base}/groups/o${nth}/offsets`, { topic: 'events', to: 'earliest' }),
  ],
  [
    'groups',
    'a share group',
    (base, nth) =>
      locked.call('PUT', `${base}/share-groups/s${nth}`, { topics: ['events'], dead_letter: 'none' }),
  ],
];

describe('a quota', () => {
  it.each(ways)('of %s stops %s', async (quota, _, make) => {
    const namespace = await space();
    const base = `/v1/${namespace}`;
    const before = (await use(namespace))![quota];
    await limit(namespace, { [quota]: before + 1 });
    const first = await make(base, 1);
    expect(first.status, JSON.stringify(first.body)).toBeLessThan(300);
    const used = await use(namespace);
    expect(used![quota]).toBe(before + 1);
    const refused = await make(base, 2);
    expect([refused.status, refused.body]).toMatchObject([
      409,
      { code: 'quota_exceeded', quota, limit: before + 1, used: before + 1, retryable: false },
    ]);
    expect(await use(namespace)).toEqual(used);
    // The same once more is not one more.
    expect((await make(base, 1)).status).toBeLessThan(300);
    await limit(namespace, {});
    expect((await make(base, 2)).status).toBeLessThan(300);
  });

  it('that is below what there is leaves it, and takes nothing new', async () => {
    const namespace = await space();
    const shown = await limit(namespace, { queues: 0, topics: 0, partitions: 0, bindings: 0, groups: 0 });
    expect(shown.body.quotas).toMatchObject({ queues: 0, publish_per_s: null });
    const base = `/v1/${namespace}`;
    expect((await locked.call('GET', `${base}/queues/jobs`)).status).toBe(200);
    expect((await locked.call('PUT', `${base}/queues/jobs`, {})).status).toBe(200);
    expect((await locked.call('PATCH', `${base}/queues/jobs`, { max_length: 5 })).status).toBe(200);
    const sent = await locked.call('POST', `${base}/topics/events/records`, { records: [{ value: 1 }] });
    expect(sent.status).toBe(200);
    expect((await locked.call('PUT', `${base}/queues/more`, {})).body.code).toBe('quota_exceeded');
    expect((await locked.call('DELETE', `${base}/queues/jobs`)).status).toBe(200);
    expect((await use(namespace))!.queues).toBe(0);
    expect((await locked.call('PUT', `${base}/queues/jobs`, {})).body.code).toBe('quota_exceeded');
  });

  it('takes all of many or none', async () => {
    const namespace = await space();
    await limit(namespace, { bindings: 2, partitions: 5 });
    const bindings = [1, 2, 3].map((nth) => ({ source: 'orders', ...bindingTo(key(nth)) }));
    const all = await locked.call('POST', `/v1/${namespace}/bindings`, { bindings });
    expect(all.body.code).toBe('quota_exceeded');
    expect((await locked.call('PUT', `/v1/${namespace}/topics/wide`, { partitions: 4 })).body).toMatchObject({
      quota: 'partitions',
    });
    expect(await use(namespace)).toMatchObject({ bindings: 0, partitions: 2, topics: 1 });
  });

  it('holds dead letters back until their queue may be made', async () => {
    const namespace = await space();
    const base = `/v1/${namespace}`;
    await limit(namespace, { queues: 1 });
    await locked.call('POST', `${base}/queues/jobs/messages`, { messages: [{ body: 'dead' }] });
    const { body } = await locked.call<{ deliveries: { delivery_tag: string }[] }>(
      'POST',
      `${base}/queues/jobs/deliveries`,
      { max: 1 },
    );
    const reject = [{ tag: body.deliveries[0]!.delivery_tag }];
    await locked.call('POST', `${base}/queues/jobs/settlements`, { reject });
    expect((await use(namespace))!.queues).toBe(1);
    const outgoing = async (): Promise<number> =>
      (await locked.call<{ state: { outgoing: number } }>('GET', `${base}/queues/jobs`)).body.state.outgoing;
    expect(await outgoing()).toBe(1);
    await limit(namespace, { queues: 2 });
    await locked.broker.advance(600_000);
    await until('the letter has gone', async () => (await outgoing()) === 0);
    expect((await locked.call('GET', `${base}/queues/jobs.dlq`)).status).toBe(200);
  });

  it('does not count the audit, and the audit does not need room', async () => {
    const namespace = `space${++spaces}`;
    const made = await locked.call('PUT', `/admin/v1/namespaces/${namespace}`, {
      quotas: { topics: 1, partitions: 1 },
    });
    expect(made.status).toBe(201);
    expect((await locked.call('PUT', `/v1/${namespace}/topics/events`, {})).status).toBe(201);
    expect((await locked.call('PUT', `/v1/${namespace}/topics/more`, {})).body.code).toBe('quota_exceeded');
    expect((await locked.call('GET', `/v1/${namespace}/topics/posthorn.audit`)).status).toBe(200);
    expect(await use(namespace)).toMatchObject({ topics: 1, partitions: 1 });
  });

  it('is refused where it is none, for tokens too, and changes nothing', async () => {
    const namespace = await space();
    await limit(namespace, { queues: 7 });
    for (const queues of [-1, 0.5, 'x', 1e12]) {
      const { status, body } = await locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, {
        quotas: { queues },
      });
      expect([queues, status, body.code]).toEqual([queues, 400, 'invalid_field']);
    }
    const token = { name: 'x', namespace, roles: ['admin'], quotas: { queues: 1 } };
    expect((await locked.call('POST', '/admin/v1/tokens', token)).body.code).toBe('unknown_field');
    const { body } = await locked.call<NamespaceReply>('GET', `/admin/v1/namespaces/${namespace}`);
    expect(body.quotas.queues).toBe(7);
  });

  it('stays when the broker is started again', async () => {
    const namespace = await space();
    await limit(namespace, { queues: 1 });
    await locked.broker.restart();
    expect((await locked.call('PUT', `/v1/${namespace}/queues/more`, {})).body.code).toBe('quota_exceeded');
  });
});
