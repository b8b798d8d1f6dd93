/** TLS, and logins with bearer tokens: JWTs of an issuer and tokens of the broker. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { KafkaServer } from '../../../gateway/kafka/kafka-server.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { AUDIENCE, JwtIssuer } from '../../workers/access/jwt-issuer.ts';
import { bearer, ROOT } from '../../workers/access/support.ts';
import { RawClient } from './support/raw-client.ts';

const TLS = join(import.meta.dirname, '../amqp/tls');
const cert = readFileSync(join(TLS, 'localhost.cert.pem'));
const key = readFileSync(join(TLS, 'localhost.key.pem'));

let issuer: JwtIssuer;
let broker: TestBroker;
let server: KafkaServer;
const faults: unknown[] = [];
beforeAll(async () => {
  issuer = await JwtIssuer.start();
  const settings = [{ issuer: issuer.url, audience: AUDIENCE }];
  const vars = { POSTHORN_ROOT_TOKEN: ROOT, POSTHORN_JWT: JSON.stringify(settings) };
  broker = await TestBroker.start({ vars, onLog: () => {} });
  await broker.call('PUT', '/admin/v1/namespaces/team', {}, bearer(ROOT));
  await broker.call('PUT', '/v1/team/topics/orders', {}, bearer(ROOT));
  const onError = (error: unknown): number => faults.push(error);
  server = await KafkaServer.start({ url: broker.url, port: 0, tls: { port: 0, cert, key }, onError });
});
afterAll(async () => {
  issuer?.stop();
  await server?.stop();
  await broker?.stop();
  expect(faults).toEqual([]);
});
afterEach(() => {
  vi.useRealTimers();
});

const clientOf = (config: Partial<KafkaConfig>): Kafka =>
  new Kafka({
    brokers: [`127.0.0.1:${server.port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...config,
  });

async function topicsBy(config: Partial<KafkaConfig>): Promise<string[]> {
  const admin = clientOf(config).admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

const oauth = (value: string): Pick<KafkaConfig, 'ssl' | 'sasl'> => ({
  ssl: false,
  sasl: { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) },
});

describe('TLS', () => {
  it('is served beside the plain port, at the name that the client has dialled', async () => {
    const admin = clientOf({
      brokers: [`localhost:${server.tlsPort}`],
      ssl: { ca: [cert] },
      sasl: { mechanism: 'plain', username: 'team/me', password: ROOT },
    }).admin();
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    expect(brokers).toMatchObject([{ host: 'localhost', port: server.tlsPort }]);
    expect(await admin.listTopics()).toContain('orders');
    await admin.disconnect();
  });

  it('lets nobody in who does not trust the certificate, or who does not speak it', async () => {
    const brokers = [`localhost:${server.tlsPort}`];
    const sasl = { mechanism: 'plain', username: 'team/me', password: ROOT } as const;
    await expect(topicsBy({ brokers, ssl: true, sasl })).rejects.toThrow(/certificate/);
    const raw = await RawClient.connect(server.tlsPort!);
    raw.sendWithoutAnswer('ApiVersions', 3, {});
    await raw.closed;
  });
});

describe('a bearer token', () => {
  it.each([
    ['a JWT', () => issuer.jwt('manage:default/* read:default/*')],
    ['a token of the broker', async () => ROOT],
  ])('lets in by OAUTHBEARER: %s', async (_, token) => {
    expect(await topicsBy(oauth(await token()))).not.toContain('orders');
  });

  it.each([
    ['is none', async () => 'ph_nothing'],
    ['has ended', () => issuer.jwt('read:default/*', { exp: Math.floor(Date.now() / 1_000) - 100 })],
  ])('that %s is refused', async (_, token) => {
    await expect(topicsBy(oauth(await token()))).rejects.toThrow(/refused/);
  });

  it('keeps a connection for as long as it is good, or until the client has brought the next one', async () => {
    const scope = 'role:team/admin';
    const inS = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
    const raw = await RawClient.connect(server.port);
    const login = async (jwt: string, user: string): Promise<Record<string, unknown>> => {
      await raw.send('SaslHandshake', 1, { mechanism: 'OAUTHBEARER' });
      const authBytes = new TextEncoder().encode(`n,a=${user},\x01auth=Bearer ${jwt}\x01\x01`);
      return await raw.send('SaslAuthenticate', 2, { authBytes });
    };
    const first = await issuer.jwt(scope, { exp: inS(100) });
    const { errorCode, sessionLifetimeMs } = await login(first, 'team/me');
    expect(errorCode).toBe(ERRORS.NONE);
    expect(Number(sessionLifetimeMs)).toBeGreaterThan(0);
    expect(Number(sessionLifetimeMs)).toBeLessThanOrEqual(100_000);
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }];
    const ask = (): Promise<unknown> => raw.send('ListOffsets', 7, { topics });
    const found = { topics: [{ partitions: [{ errorCode: 0, offset: 0 }] }] };
    expect(await ask()).toMatchObject(found);

    const second = await issuer.jwt(scope, { exp: inS(1_000) });
    expect(await login(second, 'default/me')).toMatchObject({ errorCode: ERRORS.SASL_AUTHENTICATION_FAILED });
    expect(await login(second, 'team/me')).toMatchObject({ errorCode: ERRORS.NONE });
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs + 200_000 });
    expect(await ask()).toMatchObject(found);
    vi.setSystemTime(nowMs + 1_001_000);
    raw.sendWithoutAnswer('ListOffsets', 7, { topics });
    await raw.closed;
  });
});
