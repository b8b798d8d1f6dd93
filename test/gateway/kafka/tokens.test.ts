/** Logins with tokens: whom a broker with a root token lets in, and where. */

import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import { KafkaServer } from '../../../gateway/kafka/kafka-server.ts';
import { LockedBroker, ROOT } from '../../workers/access/support.ts';
import { RawClient } from './support/raw-client.ts';

let locked: LockedBroker;
let server: KafkaServer;
const faults: unknown[] = [];
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('team');
  await locked.call('PUT', '/v1/team/topics/orders', {});
  server = await KafkaServer.start({
    url: locked.broker.url,
    port: 0,
    onError: (error) => faults.push(error),
  });
});
afterAll(async () => {
  await server?.stop();
  await locked?.broker.stop();
  expect(faults).toEqual([]);
});

function client(username: string, password: string): Kafka {
  return new Kafka({
    brokers: [`127.0.0.1:${server.port}`],
    sasl: { mechanism: 'plain', username, password },
    ssl: false,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
}

async function topicsOf(username: string, password: string): Promise<string[]> {
  const admin = client(username, password).admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

describe('a broker with a root token', () => {
  it('lets in who has a token, in the namespace that the user names', async () => {
    const { token } = await locked.token('team', { roles: ['admin'] });
    expect(await topicsOf('team/me', token)).toContain('orders');
    expect(await topicsOf('team/root', ROOT)).toContain('orders');
    expect(await topicsOf('root', ROOT)).not.toContain('orders');
  });

  it.each([
    ['a password that is no token', 'team/me', 'ph_nothing'],
    ['no password', 'team/me', ''],
    ['a namespace that is not there', 'nowhere/me', ROOT],
  ])('refuses %s', async (_, username, password) => {
    await expect(topicsOf(username, password)).rejects.toThrow(/SASL|refused|expected/i);
  });

  it('refuses a token of another namespace', async () => {
    const { token } = await locked.token('team', { roles: ['admin'] });
    await expect(topicsOf('me', token)).rejects.toThrow(/refused/);
  });

  it('closes the connection of who asks without a login, but says which versions it has', async () => {
    const raw = await RawClient.connect(server.port);
    expect(await raw.send('ApiVersions', 3, {})).toMatchObject({ errorCode: 0 });
    expect(await raw.send('SaslHandshake', 1, { mechanism: 'GSSAPI' })).toMatchObject({
      errorCode: 33,
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    });
    expect(await raw.send('SaslAuthenticate', 2, { authBytes: new Uint8Array() })).toMatchObject({
      errorCode: 34,
    });
    raw.sendWithoutAnswer('Metadata', 1, { topics: null });
    await raw.closed;
  });

  it('takes a first request that is large from who has logged in, and from nobody else', async () => {
    const value = new Uint8Array(700_000).fill(120);
    const records = encodeBatch([{ key: null, value, timestamp: Date.now() }]);
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }];
    const produce = { acks: -1, timeoutMs: 5_000, topicData };
    const known = await RawClient.connect(server.port);
    void known.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
    void known.send('SaslAuthenticate', 2, { authBytes: new TextEncoder().encode(`\0team/me\0${ROOT}`) });
    expect(await known.send('Produce', 9, produce)).toMatchObject({
      responses: [{ partitionResponses: [{ errorCode: 0 }] }],
    });
    known.socket.destroy();
    const stranger = await RawClient.connect(server.port);
    expect(await stranger.send('ApiVersions', 3, {})).toMatchObject({ errorCode: 0 });
    stranger.sendWithoutAnswer('Produce', 9, produce);
    await stranger.closed;
  });

  it('lets a token do no more than it may', async () => {
    const { token } = await locked.token('team', { roles: ['consumer'] });
    const producer = client('team/reader', token).producer();
    await producer.connect();
    await expect(producer.send({ topic: 'orders', messages: [{ value: 'x' }] })).rejects.toThrow(
      /authorized/i,
    );
    await producer.disconnect();
  });

  it('ends connections that do not log in, and no others', async () => {
    const hasty = await KafkaServer.start({ url: locked.broker.url, port: 0, loginMs: 3_000 });
    const known = await RawClient.connect(hasty.port);
    await known.send('SaslHandshake', 1, { mechanism: 'PLAIN' });
    await known.send('SaslAuthenticate', 2, { authBytes: new TextEncoder().encode(`\0team\0${ROOT}`) });
    await known.send('Metadata', 9, { topics: [] });
    const silent = await RawClient.connect(hasty.port);
    await silent.send('ApiVersions', 3, {});
    await silent.closed;
    expect(await known.send('Metadata', 9, { topics: [] })).toMatchObject({ topics: [] });
    known.socket.destroy();
    await hasty.stop();
  });
});
