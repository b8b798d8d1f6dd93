/** Waits whose client has closed its connection: they end within 3 s, and take nothing with them after that. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeDeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { decodeGroupFrame } from '../../../protocol/frames/group-frame.ts';
import type { Deliveries } from '../../../protocol/schemas/deliveries.ts';
import { DELIVERIES_TYPE, GROUP_RECORDS_TYPE } from '../../../protocol/headers/media-types.ts';
import { PADDED, withoutPadding } from '../../../protocol/frames/padding.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { GroupClient } from '../../support/clients/group-client.ts';
import { RawClient } from '../../support/clients/raw-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

/** A wait that ended by itself would take longer than a test may. */
const WAIT_MS = 60_000;

const send = (method: string, path: string, body?: object, headers?: Record<string, string>) =>
  RawClient.send(broker.url, method, `/v1/default${path}`, body, headers);

/** Asks until it is so; the time limit of the test ends it. */
async function until(what: () => Promise<boolean>): Promise<void> {
  while (!(await what())) await delay(50);
}

async function consumers(queue: string): Promise<number> {
  return (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state.consumers;
}

async function waitingReaders(topic: string): Promise<number> {
  return (await broker.state(topic, 0)).waiting;
}

const poll = async (queue: string, fields: object = {}): Promise<unknown[]> =>
  (
    await broker.call<Deliveries>('POST', `/v1/default/queues/${queue}/deliveries`, fields)
  ).body.deliveries.map(({ body }) => body);
const publish = (queue: string, body: unknown) =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages: [{ body }] });

const WAYS = [
  { how: 'closes', leave: (client: RawClient) => client.vanish() },
  { how: 'resets', leave: (client: RawClient) => client.reset() },
];

// At the same time: the broker takes up to 3 s to notice that a client has left.
describe.each(WAYS)('a client that $how its connection', { concurrent: true }, ({ how, leave }) => {
  it.each([
    { name: 'acked', fields: { auto_ack: true }, accept: 'application/json' },
    { name: 'leased', fields: {}, accept: 'application/json' },
    { name: 'padded', fields: { auto_ack: true }, accept: DELIVERIES_TYPE + PADDED },
    { name: 'bytes', fields: { auto_ack: true }, accept: DELIVERIES_TYPE },
  ])('leaves the messages of a queue to others ($name)', async ({ name, fields, accept }) => {
    const queue = `${how}-${name}`;
    await broker.call('PUT', `/v1/default/queues/${queue}`, {});
    const client = await send(
      'POST',
      `/queues/${queue}/deliveries`,
      { ...fields, wait_ms: WAIT_MS },
      { accept },
    );
    await until(async () => (await consumers(queue)) === 1);
    leave(client);
    await until(async () => (await consumers(queue)) === 0);
    await publish(queue, 'kept');
    expect(await poll(queue)).toEqual(['kept']);
  });

  it('leaves the records of a group to others, and the group', async () => {
    const topic = `${how}-records`;
    await broker.declare(topic);
    const group = new GroupClient(() => broker, `${how}-group`);
    const { member_id } = await group.joined({ topics: [topic], session_timeout_ms: 1_000 });
    const path = `/groups/${how}-group/members/${member_id}/records?auto_commit=true&wait_ms=${WAIT_MS}`;
    const client = await send('GET', path);
    await until(async () => (await waitingReaders(topic)) === 1);
    leave(client);
    await until(async () => (await waitingReaders(topic)) === 0);
    await broker.produce(topic, [{ value: 'kept' }]);
    const other = await group.joined({ topics: [topic], session_timeout_ms: 30_000 });
    const read = async (): Promise<boolean> => {
      const { body } = await group.poll(other, 'auto_commit=true&wait_ms=500');
      return body.records.some(({ value }) => value === 'kept');
    };
    await until(read);
  });

  it('leaves the records of a share group to others', async () => {
    const topic = `${how}-shared`;
    await broker.declare(topic);
    const path = `/share-groups/${how}-share`;
    await broker.call('PUT', `/v1/default${path}`, { topics: [topic], start: 'earliest' });
    const take = { member_id: 'gone', delivery: 'at-most-once' };
    const client = await send('POST', `${path}/records`, { ...take, wait_ms: WAIT_MS });
    await until(async () => (await waitingReaders(topic)) === 1);
    leave(client);
    await until(async () => (await waitingReaders(topic)) === 0);
    await broker.produce(topic, [{ value: 'kept' }]);
    const { body } = await broker.call('POST', `/v1/default${path}/records`, { ...take, member_id: 'other' });
    expect(body).toMatchObject({ records: [{ value: 'kept' }] });
  });

  it('ends its wait for a record', async () => {
    const topic = `${how}-fetched`;
    await broker.declare(topic);
    const client = await send('GET', `/topics/${topic}/partitions/0/records?wait_ms=${WAIT_MS}`);
    await until(async () => (await waitingReaders(topic)) === 1);
    leave(client);
    await until(async () => (await waitingReaders(topic)) === 0);
  });
});

it('a client that closes its connection after its reply has begun leaves messages to others', async () => {
  await broker.call('PUT', '/v1/default/queues/begun', {});
  const client = await send('POST', '/queues/begun/deliveries', { auto_ack: true, wait_ms: WAIT_MS });
  await until(() => Promise.resolve(client.text.endsWith(' \r\n')));
  client.vanish();
  await until(async () => (await consumers('begun')) === 0);
  await publish('begun', 'kept');
  expect(await poll('begun')).toEqual(['kept']);
});

describe('a reply that has waited for long', { concurrent: true }, () => {
  it('has white space before its JSON, and reaches a client that closed only its own half', async () => {
    await broker.call('PUT', '/v1/default/queues/half', {});
    const client = await send('POST', '/queues/half/deliveries', { wait_ms: WAIT_MS });
    client.closeHalf();
    await until(() => Promise.resolve(client.text.endsWith(' \r\n')));
    await publish('half', 'heard');
    await client.ended();
    expect(client.status).toBe(200);
    expect(client.body).toMatch(/^ +\{/);
    expect(JSON.parse(client.body!)).toMatchObject({ deliveries: [{ body: 'heard' }] });
  });

  it('has padding before a frame, for those who asked for it', async () => {
    await broker.call('PUT', '/v1/default/queues/framed', {});
    const accept = `${DELIVERIES_TYPE}; padded=1`;
    const client = await send('POST', '/queues/framed/deliveries', { wait_ms: WAIT_MS }, { accept });
    await until(() => Promise.resolve(client.text.endsWith('\xff\r\n')));
    await publish('framed', 'heard');
    await client.ended();
    const bytes = Buffer.from(client.body!, 'latin1');
    expect(bytes[0]).toBe(0xff);
    expect(decodeDeliveryFrame(new Uint8Array(withoutPadding(bytes))).sections).toHaveLength(1);
  });

  it('is empty early where the reader of a frame knows no padding', async () => {
    await broker.call('PUT', '/v1/default/queues/old', {});
    const response = await fetch(`${broker.url}/v1/default/queues/old/deliveries`, {
      method: 'POST',
      headers: { accept: DELIVERIES_TYPE, 'content-type': 'application/json' },
      body: JSON.stringify({ wait_ms: WAIT_MS }),
    });
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it('says that nothing came where its queue goes meanwhile, and the next request is told why', async () => {
    await broker.call('PUT', '/v1/default/queues/going', {});
    const client = await send('POST', '/queues/going/deliveries', { wait_ms: WAIT_MS });
    await until(() => Promise.resolve(client.text.endsWith(' \r\n')));
    await broker.call('DELETE', '/v1/default/queues/going');
    await client.ended();
    expect(JSON.parse(client.body!)).toEqual({ deliveries: [] });
    const { status, body } = await broker.call('POST', '/v1/default/queues/going/deliveries', {});
    expect([status, body.code]).toEqual([404, 'queue_not_found']);
  });

  it('says that nothing came where its member is removed meanwhile, and the next request is told why', async () => {
    await broker.declare('left');
    const group = new GroupClient(() => broker, 'left');
    const { member_id } = await group.joined({ topics: ['left'], session_timeout_ms: 1_000 });
    const path = `/groups/left/members/${member_id}`;
    const accept = GROUP_RECORDS_TYPE + PADDED;
    const client = await send('GET', `${path}/records?wait_ms=${WAIT_MS}`, undefined, { accept });
    await until(() => Promise.resolve(client.text.endsWith('\xff\r\n')));
    await broker.call('DELETE', `/v1/default${path}`);
    await client.ended();
    const frame = decodeGroupFrame(new Uint8Array(withoutPadding(Buffer.from(client.body!, 'latin1'))));
    expect(frame).toMatchObject({ member: { member_id }, sections: [] });
    const { status, body } = await broker.call('GET', `/v1/default${path}/records`);
    expect([status, body.code]).toEqual([404, 'member_not_found']);
  });

  it('says that nothing came where its topic goes meanwhile, and the next request is told why', async () => {
    await broker.declare('cut');
    const path = '/topics/cut/partitions/0/records';
    const client = await send('GET', `${path}?wait_ms=${WAIT_MS}`);
    await until(() => Promise.resolve(client.text.endsWith(' \r\n')));
    await broker.call('DELETE', '/v1/default/topics/cut');
    await client.ended();
    expect(JSON.parse(client.body!)).toMatchObject({ records: [], next_offset: 0 });
    expect((await broker.call('GET', `/v1/default${path}`)).status).toBe(404);
  });
});
