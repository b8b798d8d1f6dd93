/** Whether a broker is well after what was done to it, once what it was rightly told to refuse is taken back. */

import type { CostLimitsReply } from '../../protocol/schemas/cost-limits.ts';
import { until } from '../support/broker/serve-process.ts';
import type { TestBroker } from '../support/broker/test-broker.ts';
import { call } from './requests/call.ts';

/** An object that refuses for the ceiling asks again after ten seconds. */
const LIFTED_MS_MAX = 30_000;

/** Takes back quotas and rates: with few connections no stream opens, with no partitions no topic is made. */
export async function liftQuotas(broker: TestBroker): Promise<void> {
  await call(broker, 'PATCH', '/admin/v1/namespaces/default', { quotas: {} });
}

/** Takes back what makes a broker refuse good requests: the ceiling of rows, policies that bound every queue. */
export async function liftLimits(broker: TestBroker): Promise<void> {
  const before = (await call<CostLimitsReply>(broker, 'GET', '/v1/default/limits')).body;
  await call(broker, 'PUT', '/v1/default/limits', { rows_written_per_hour: null });
  const { policies } = (await call<{ policies: { policy: string }[] }>(broker, 'GET', '/v1/default/policies'))
    .body;
  for (const { policy } of policies) await call(broker, 'DELETE', `/v1/default/policies/${policy}`);
  if (before.rows_written_per_hour === null) return;
  const isRefused = async (path: string, body: object): Promise<boolean> =>
    (await call(broker, 'POST', `/v1/default${path}`, body)).body.code === 'cost_ceiling';
  await until(
    'publishes are taken again after the ceiling was lifted',
    async () =>
      !(await isRefused('/queues/untouched/messages', { messages: [{ body: 1 }] })) &&
      !(await isRefused('/topics/untouched/records', { records: [{ value: 1 }] })),
    LIFTED_MS_MAX,
  );
}

/** One sentence for each request that is not served: of objects that nobody has touched, and of one that everybody has. */
export async function checkHealth(broker: TestBroker): Promise<string[]> {
  const wrong: string[] = [];
  const expectStatus = async (method: string, path: string, body?: object): Promise<void> => {
    const { status, body: said } = await call<unknown>(broker, method, path, body);
    if (status > 201)
      wrong.push(`afterwards ${method} ${path} is answered ${status} ${JSON.stringify(said)}`);
  };
  await expectStatus('GET', '/healthz');
  await liftQuotas(broker);
  await expectStatus('PUT', '/v1/default/topics/untouched', {});
  await expectStatus('PUT', '/v1/default/queues/untouched', {});
  try {
    await liftLimits(broker);
  } catch (error) {
    wrong.push((error as Error).message);
  }
  await expectStatus('POST', '/v1/default/topics/untouched/records', { records: [{ value: 1 }] });
  await expectStatus('POST', '/v1/default/queues/untouched/messages', { messages: [{ body: 1 }] });
  await expectStatus('PUT', '/v1/default/topics/victim', {});
  await expectStatus('GET', '/v1/default/topics/victim/partitions/0');
  return wrong;
}

const LISTS: readonly (readonly [list: string, name: string])[] = [
  ['schedules', 'schedule'],
  ['alerts', 'alert'],
  ['policies', 'policy'],
  ['hooks', 'hook'],
  ['share-groups', 'share_group'],
  ['queues', 'queue'],
  ['exchanges', 'exchange'],
  ['topics', 'topic'],
];

/** Deletes every definition: what was made can be taken away. One sentence for each that cannot. */
export async function clear(broker: TestBroker, namespace: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const [list, name] of LISTS) {
    const path = `/v1/${namespace}/${list}`;
    const { body } = await call<Record<string, Record<string, string>[]>>(broker, 'GET', path);
    for (const item of body[list.replace('-', '_')] ?? []) {
      const id = item[name]!;
      if (list === 'exchanges' && /^(amq\.|default$)/.test(id)) continue;
      const { status, body: said } = await call<unknown>(
        broker,
        'DELETE',
        `${path}/${encodeURIComponent(id)}`,
      );
      // A queue may be gone meanwhile, by its own time.
      if (status !== 200 && status !== 404)
        wrong.push(`${path}/${id} cannot be deleted: ${JSON.stringify(said)}`);
    }
  }
  return wrong;
}
