/** Logins by SCRAM through the gateway: kafkajs, and a client whose session is renewed or ends. */

import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { KafkaServer } from '../../../../gateway/kafka/kafka-server.ts';
import type { TokenMade } from '../../../../protocol/schemas/tokens.ts';
import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { ScramClient } from '../../../support/scram-client.ts';
import { LockedBroker, ROOT } from '../../../workers/access/support.ts';
import { RawClient } from '../support/raw-client.ts';

let locked: LockedBroker;
let server: KafkaServer;
let token: TokenMade;
const faults: unknown[] = [];
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('team');
  await locked.call('PUT', '/v1/team/topics/orders', {});
  token = await locked.token('team', { roles: ['admin'] });
  const onError = (error: unknown): number => faults.push(error);
  server = await KafkaServer.start({ url: locked.broker.url, port: 0, onError });
});
afterAll(async () => {
  await server?.stop();
  await locked?.broker.stop();
  expect(faults).toEqual([]);
});
afterEach(() => {
  vi.useRealTimers();
});

async function topicsOf(
  mechanism: 'scram-sha-256' | 'scram-sha-512',
  username: string,
  password: string,
): Promise<string[]> {
  const admin = new Kafka({
    brokers: [`127.0.0.1:${server.port}`],
    ssl: false,
    sasl: { mechanism, username, password } as never,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

it.each(['scram-sha-256', 'scram-sha-512'] as const)(
  'kafkajs logs in by %s, with the id of a token and the token, in its namespace',
  async (mechanism) => {
    expect(await topicsOf(mechanism, token.id, token.token)).toContain('orders');
    expect(await topicsOf(mechanism, `team/${token.id}`, token.token)).toContain('orders');
  },
);

it.each([
  ['another secret', () => [token.id, `${token.token}x`]],
  ['another namespace', () => [`default/${token.id}`, token.token]],
  ['a user that is no token', () => ['me', token.token]],
  ['the root token', () => ['root', ROOT]],
])('kafkajs is refused with %s', async (_, loginOf) => {
  const [user, password] = loginOf() as [string, string];
  await expect(topicsOf('scram-sha-256', user, password)).rejects.toThrow(/refused/);
});

async function logIn(raw: RawClient, { id, token: secret }: TokenMade): Promise<Record<string, unknown>> {
  const client = new ScramClient('SCRAM-SHA-512', id, secret);
  const send = (text: string): Promise<Record<string, unknown>> =>
    raw.send('SaslAuthenticate', 2, { authBytes: new TextEncoder().encode(text) });
  const textOf = ({ authBytes }: Record<string, unknown>): string =>
    Buffer.from(authBytes as Uint8Array).toString();
  await raw.send('SaslHandshake', 1, { mechanism: 'SCRAM-SHA-512' });
  const first = await send(client.clientFirst);
  if (first['errorCode'] !== ERRORS.NONE) return first;
  const final = await send(client.clientFinal(textOf(first)));
  if (final['errorCode'] === ERRORS.NONE) expect(textOf(final)).toBe(client.serverFinal);
  return final;
}

it('a login lasts an hour or until the next one, and stays in its namespace', async () => {
  const raw = await RawClient.connect(server.port);
  const { errorCode, sessionLifetimeMs } = await logIn(raw, token);
  expect(errorCode).toBe(ERRORS.NONE);
  expect(Number(sessionLifetimeMs)).toBeGreaterThan(3_500_000);
  expect(Number(sessionLifetimeMs)).toBeLessThanOrEqual(3_660_000);
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }];
  const ask = (): Promise<unknown> => raw.send('ListOffsets', 7, { topics });
  const found = { topics: [{ partitions: [{ errorCode: 0, offset: 0 }] }] };
  expect(await ask()).toMatchObject(found);
  const elsewhere = await locked.token('default', { roles: ['admin'] });
  expect(await logIn(raw, elsewhere)).toMatchObject({ errorCode: ERRORS.SASL_AUTHENTICATION_FAILED });
  expect(await logIn(raw, token)).toMatchObject({ errorCode: ERRORS.NONE });
  expect(await ask()).toMatchObject(found);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_700_000 });
  raw.sendWithoutAnswer('ListOffsets', 7, { topics });
  await raw.closed;
});

it('a login ends when its token is revoked', async () => {
  const revoked = await locked.token('team', { roles: ['admin'] });
  const raw = await RawClient.connect(server.port);
  expect(await logIn(raw, revoked)).toMatchObject({ errorCode: ERRORS.NONE });
  await locked.call('DELETE', `/admin/v1/tokens/${revoked.id}`);
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }];
  expect(await raw.send('ListOffsets', 7, { topics })).toMatchObject({
    topics: [{ partitions: [{ errorCode: ERRORS.TOPIC_AUTHORIZATION_FAILED }] }],
  });
  expect(await logIn(raw, revoked)).toMatchObject({
    errorCode: ERRORS.SASL_AUTHENTICATION_FAILED,
    errorMessage: expect.stringContaining('was revoked') as string,
  });
  raw.socket.destroy();
});

it('a session cannot make what outlives it', async () => {
  const client = new ScramClient('SCRAM-SHA-256', token.id, token.token);
  const step = {
    mechanism: client.mechanism,
    binder: 'a binder of this test',
    client_first: client.clientFirst,
  };
  const call = <Body>(body: object) => locked.broker.call<Body>('POST', '/admin/v1/logins/scram', body);
  const first = await call<{ server_first: string }>(step);
  const final = client.clientFinal(first.body.server_first);
  const { body } = await call<{ credential: string }>({ ...step, client_final: final });
  const made = { name: 'more', namespace: 'team', roles: ['consumer'], expires_at: null };
  const refused = await locked.call('POST', '/admin/v1/tokens', made, body.credential);
  expect(refused.body).toMatchObject({ code: 'forbidden' });
  const rotated = await locked.call('POST', `/admin/v1/tokens/${token.id}/rotate`, {}, body.credential);
  expect(rotated.body).toMatchObject({ code: 'forbidden' });
  expect((await locked.call('GET', '/v1/team/topics', undefined, body.credential)).status).toBe(200);
});
