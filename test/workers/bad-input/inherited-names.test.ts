/** Names that every object inherits something under are names like any other. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await TestBroker.start();
});

afterAll(() => broker.stop());

const ok = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
  const answer = await broker.call(method, `/v1/default${path}`, body);
  expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body as Record<string, unknown>;
};

it.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('%s', async (name) => {
  await ok('PUT', `/topics/${name}`, { partitions: 1 });
  await ok('POST', `/topics/${name}/records`, { records: [{ key: name, value: name }] });
  const { member_id: member } = await ok('POST', `/groups/${name}/members`, {
    topics: [name],
    auto_offset_reset: 'earliest',
    instance_id: name,
  });
  const { records, epoch } = await ok(
    'GET',
    `/groups/${name}/members/${String(member)}/records?wait_ms=20000`,
  );
  expect(records).toMatchObject([{ topic: name, value: name }]);
  await ok('POST', `/groups/${name}/offsets`, {
    member_id: member,
    epoch,
    offsets: [{ topic: name, partition: 0, offset: 1 }],
  });
  expect((await ok('GET', `/groups/${name}/offsets`))['offsets']).toMatchObject([{ topic: name, offset: 1 }]);
  for (const method of ['GET', 'DELETE']) {
    const path = `/v1/default/groups/${name}/members/${name}${method === 'GET' ? '/records' : ''}`;
    expect((await broker.call(method, path)).body).toMatchObject({ code: 'member_not_found' });
  }
  await ok('DELETE', `/groups/${name}/members/${String(member)}`);
  await ok('PUT', `/groups/${name}/offsets`, { topic: name, to: 'earliest' });

  await ok('PUT', `/queues/${name}`, {});
  await ok('PUT', `/exchanges/${name}`, { type: 'headers' });
  await ok('POST', `/exchanges/${name}/bindings`, {
    destination: { kind: 'queue', name },
    arguments: { 'x-match': 'all', [name]: name },
  });
  await ok('POST', `/exchanges/${name}/messages`, {
    messages: [{ routing_key: name, body: name, headers: { [name]: name } }, { body: 'elsewhere' }],
  });
  const { deliveries } = await ok('POST', `/queues/${name}/deliveries`, { consumer_id: name, max: 10 });
  expect(deliveries).toMatchObject([{ body: name, headers: { [name]: name } }]);
});

it('refuses the one that no object can have as a key', async () => {
  for (const path of ['/topics/__proto__', '/queues/__proto__', '/groups/__proto__/members']) {
    const { status } = await broker.call(
      path.startsWith('/groups') ? 'POST' : 'PUT',
      `/v1/default${path}`,
      {},
    );
    expect(status, path).toBe(400);
  }
});
