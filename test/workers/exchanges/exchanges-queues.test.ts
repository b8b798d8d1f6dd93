/** What the topology does with queues: policies that limit them, and conditions under which they go. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';

const NAMESPACE = '/v1/default';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const put = (path: string, body: object = {}) => broker.call('PUT', `${NAMESPACE}/${path}`, body);
const remove = (path: string) => broker.call('DELETE', `${NAMESPACE}/${path}`);
const publish = (exchange: string, messages: object[]) =>
  broker.call('POST', `${NAMESPACE}/exchanges/${exchange}/messages`, { messages });
const keyed = (routing_key: string): object[] => [{ routing_key, body: routing_key }];

describe('a policy', () => {
  it('limits queues that are there and queues that come', async () => {
    await put('queues/limited.before');
    await put('policies/limits', {
      pattern: 'limited.*',
      definition: { max_length: 1, overflow: 'reject-publish', dead_letter: 'none' },
    });
    await put('queues/limited.after', { max_length: 10 });
    for (const name of ['limited.before', 'limited.after']) {
      await publish('amq.default', keyed(name));
      expect((await publish('amq.default', keyed(name))).body).toMatchObject({
        code: 'queue_full',
        status: 429,
      });
    }
    expect((await put('queues/limited.after', { max_length: 10 })).status).toBe(200);
    await remove('policies/limits');
    expect((await publish('amq.default', keyed('limited.after'))).status).toBe(200);
  });
});

describe('deleting a queue', () => {
  it('is refused while it holds messages, if that was asked, and takes its bindings', async () => {
    await put('exchanges/to-kept', { type: 'fanout', auto_delete: true });
    await put('queues/kept');
    await broker.call('POST', `${NAMESPACE}/exchanges/to-kept/bindings`, {
      destination: { kind: 'queue', name: 'kept' },
    });
    await publish('to-kept', [{ body: 1 }]);
    const refused = await broker.call('DELETE', `${NAMESPACE}/queues/kept?if_empty=true`);
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'queue_not_empty', messages: 1 }]);
    await broker.call('POST', `${NAMESPACE}/queues/kept/purge`);
    const query = 'if_empty=true&if_unused=true';
    expect((await broker.call('DELETE', `${NAMESPACE}/queues/kept?${query}`)).status).toBe(200);
    expect((await publish('to-kept', [{ body: 2 }])).body).toMatchObject({ code: 'exchange_not_found' });
  });
});
