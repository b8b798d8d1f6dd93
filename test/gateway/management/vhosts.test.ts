/** Virtual hosts in the management API: namespaces, made and deleted with all that they hold. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManagementServer } from '../../../gateway/management/management-server.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { callManagement } from './management-calls.ts';

let broker: TestBroker;
let server: ManagementServer;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'draws namespaces, too' });
  server = await ManagementServer.start({ url: broker.url, port: 0 });
});
afterAll(async () => {
  await server?.stop();
  await broker?.stop();
});

const call = (method: string, path: string): ReturnType<typeof callManagement> =>
  callManagement(server, method, path);
const statusOf = async (method: string, path: string): Promise<number> => (await call(method, path)).status;
const names = async (): Promise<string[]> =>
  ((await call('GET', 'vhosts')).body as { name: string }[]).map(({ name }) => name);

describe('a virtual host', () => {
  it('is made once, holds what is declared in it, and goes with all of it', async () => {
    expect(await names()).toEqual(['/']);
    expect(await statusOf('PUT', 'vhosts/shop')).toBe(201);
    expect(await statusOf('PUT', 'vhosts/shop')).toBe(204);
    expect(await statusOf('PUT', 'queues/shop/jobs')).toBe(201);
    expect(await names()).toEqual(['/', 'shop']);
    expect((await call('GET', 'permissions')).body).toMatchObject([
      { user: 'guest', vhost: '/', configure: '.*' },
      { user: 'guest', vhost: 'shop', read: '.*' },
    ]);
    expect(await statusOf('DELETE', 'vhosts/shop')).toBe(204);
    expect(await names()).toEqual(['/']);
    expect(await statusOf('GET', 'queues/shop')).toBe(404);
  });

  it('of a definitions file is made, with what the file has in it', async () => {
    const body = {
      vhosts: [{ name: '/' }, { name: 'imported' }, { name: 'no/name' }],
      queues: ['imported', 'no/name'].map((vhost) => ({ name: 'jobs', vhost, durable: true, arguments: {} })),
    };
    expect((await callManagement(server, 'POST', 'definitions', { body })).body).toMatchObject({
      taken: { vhosts: 1, queues: 1 },
      left_out: [
        { kind: 'vhosts', name: 'no/name' },
        { kind: 'queues', name: 'jobs' },
      ],
    });
    expect(await statusOf('GET', 'queues/imported/jobs')).toBe(200);
    expect(await statusOf('DELETE', 'vhosts/imported')).toBe(204);
  });

  it('that there is not cannot be deleted or shown', async () => {
    expect(await statusOf('DELETE', 'vhosts/nowhere')).toBe(404);
    expect(await statusOf('GET', 'vhosts/nowhere')).toBe(404);
    expect(await statusOf('GET', 'vhosts/%2F/nothing')).toBe(404);
  });

  it('that has no name of a namespace is refused, and / stays', async () => {
    expect(await call('PUT', 'vhosts/a%2Fb')).toMatchObject({
      status: 400,
      body: { reason: expect.stringContaining('namespace') as string },
    });
    expect(await statusOf('DELETE', 'vhosts/%2F')).toBeGreaterThanOrEqual(400);
    expect(await names()).toEqual(['/']);
  });
});
