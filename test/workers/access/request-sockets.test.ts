/** Access to sockets for requests: each frame is checked as the request is, and their places go to streams. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { batchOf } from '../../support/batches.ts';
import { TestRequestSocket } from '../../support/clients/request-socket.ts';
import { LockedBroker, type Team } from './support.ts';

let locked: LockedBroker;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

let teams = 0;
async function newTeam(quotas?: object): Promise<Team & { name: string }> {
  const name = `team${++teams}`;
  const team = await locked.team(name);
  expect((await locked.call('PUT', `/v1/${name}/queues/mails`, {}, team.admin.token)).status).toBe(201);
  if (quotas) await locked.call('PATCH', `/admin/v1/namespaces/${name}`, { quotas });
  return { ...team, name };
}

const open = (team: string, path: string, credential: string): Promise<TestRequestSocket | null> =>
  TestRequestSocket.open(`${locked.broker.url}/v1/${team}/queues/mails/${path}?access_token=${credential}`);

const PUBLISHES = 'messages/stream';
const ONE = batchOf([{ value: '1' }]);
const STORED = { id: 1, count: 1, exceptions: [] };

it('it is opened for those who may publish, by a credential that is good', async () => {
  const { name, producer, consumer } = await newTeam();
  expect(await open(name, PUBLISHES, consumer.token)).toBeNull();
  expect(await open(name, PUBLISHES, 'ph_nothing')).toBeNull();
  expect(await open('default', PUBLISHES, producer.token)).toBeNull();
  const socket = await open(name, PUBLISHES, producer.token);
  expect(await socket!.ask(1, ONE)).toEqual(STORED);
  socket!.socket.close();
});

it('what comes after the token was revoked is refused, and the socket ends', async () => {
  const { name, admin, producer } = await newTeam();
  const socket = await open(name, PUBLISHES, producer.token);
  expect(await socket!.ask(1, ONE)).toEqual(STORED);
  await locked.call('DELETE', `/admin/v1/tokens/${producer.id}`, undefined, admin.token);
  expect(await socket!.ask(2, ONE)).toMatchObject({ id: 2, status: 401, code: 'unauthenticated' });
  expect((await socket!.closed).code).toBe(4401);
});

it('what comes after the token has expired is refused, and the socket ends', async () => {
  const { name, admin } = await newTeam();
  const expires = { roles: ['producer'], expires_at: Date.now() + 1_500 } as const;
  const { token } = await locked.token(name, expires, admin.token);
  const socket = await open(name, PUBLISHES, token);
  let said = await socket!.ask(1, ONE);
  while (said['count'] === 1) said = await socket!.ask(1, ONE);
  expect(said).toMatchObject({ id: 1, status: 401 });
  expect((await socket!.closed).code).toBe(4401);
});

it('a frame counts for the rate of publishes', async () => {
  const { name, producer } = await newTeam({ publish_per_s: 0.01 });
  const socket = await open(name, PUBLISHES, producer.token);
  expect(await socket!.ask(1, ONE)).toEqual(STORED);
  const refused = await socket!.ask(2, ONE);
  expect(refused).toMatchObject({ id: 2, status: 429, code: 'quota', quota: 'publish_per_s' });
  expect(refused['retry_after_s']).toBeGreaterThan(1);
  socket!.socket.close();
});

it('it counts as a stream, and gives its place to one', async () => {
  const { name, producer, consumer } = await newTeam({ connections: 1 });
  const socket = await open(name, PUBLISHES, producer.token);
  expect(await open(name, PUBLISHES, producer.token)).toBeNull();
  const stream = await open(name, 'stream', consumer.token);
  expect(stream).not.toBeNull();
  expect(await open(name, 'stream', consumer.token)).toBeNull();
  expect(await open(name, PUBLISHES, producer.token)).toBeNull();
  socket!.request(1, ONE);
  expect(await socket!.closed).toEqual({ code: 4429, reason: 'a stream needs its place; send requests' });
  stream!.socket.close();
  await stream!.closed;
  let next = await open(name, PUBLISHES, producer.token);
  while (next === null) next = await open(name, PUBLISHES, producer.token);
  expect(await next.ask(1, ONE)).toEqual(STORED);
  next.socket.close();
});
