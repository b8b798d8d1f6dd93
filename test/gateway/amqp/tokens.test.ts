/** Logins with tokens: whom a broker with a root token lets in, and what each may do. */

import { connect, type ChannelModel, type Message } from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AmqpServer } from '../../../gateway/amqp/connection/amqp-server.ts';
import { LockedBroker, ROOT } from '../../workers/access/support.ts';

let locked: LockedBroker;
let server: AmqpServer;
const faults: unknown[] = [];
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('team');
  for (const queue of ['jobs', 'other']) await locked.call('PUT', `/v1/team/queues/${queue}`, {});
  server = await AmqpServer.start({
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

async function login(password: string, virtualHost: string): Promise<ChannelModel> {
  const host = encodeURIComponent(virtualHost);
  const connection = await connect(`amqp://anybody:${password}@127.0.0.1:${server.port}/${host}`);
  connection.on('error', () => {});
  return connection;
}

const refusalOf = (password: string, virtualHost: string): Promise<string> =>
  login(password, virtualHost).then(
    () => 'let in',
    ({ message }: Error) => message,
  );

const forbidden = { code: 403 };

describe('a broker with a root token', () => {
  it.each([
    ['guest', '/'],
    ['ph_nothing', '/'],
    ['', 'team'],
  ])('does not let in who has the password "%s"', async (password, virtualHost) => {
    expect(await refusalOf(password, virtualHost)).toMatch(/403|ACCESS.REFUSED/);
  });

  it('opens no virtual host that is not there, and none that a token does not belong to', async () => {
    const { token } = await locked.token('team', { roles: ['admin'] });
    expect(await refusalOf(ROOT, 'nowhere')).toMatch(/ConnectionClose/);
    expect(await refusalOf(token, '/')).toMatch(/ConnectionClose/);
  });

  it('lets a producer publish and a consumer consume, each with its own token', async () => {
    const [producer, consumer] = await Promise.all(
      (['producer', 'consumer'] as const).map((role) => locked.token('team', { roles: [role] })),
    );
    const [publishing, consuming] = [
      await login(producer!.token, 'team'),
      await login(consumer!.token, 'team'),
    ];
    const out = await publishing.createConfirmChannel();
    out.sendToQueue('jobs', Buffer.from('hello'));
    await out.waitForConfirms();
    const channel = await consuming.createChannel();
    const message = await new Promise<Message>((resolve) => {
      void channel.consume('jobs', (next) => resolve(next!));
    });
    expect(String(message.content)).toBe('hello');
    channel.ack(message);
    await channel.close();
    const foreign = await consuming.createChannel();
    foreign.on('error', () => {});
    await expect(foreign.assertQueue('made-by-a-consumer')).rejects.toMatchObject(forbidden);
    await publishing.close();
    await consuming.close();
  });

  it('lets a token for one queue reach no other', async () => {
    const { token } = await locked.token('team', {
      scopes: [{ kind: 'queue', name: 'jobs', actions: ['read', 'write'] }],
    });
    const connection = await login(token, 'team');
    const channel = await connection.createConfirmChannel();
    channel.sendToQueue('jobs', Buffer.from('mine'));
    await channel.waitForConfirms();
    const got = await channel.get('jobs');
    expect(got && String(got.content)).toBe('mine');
    for (const use of [
      async () => await (await other()).checkQueue('other'),
      async () => await (await other()).get('other'),
    ])
      await expect(use()).rejects.toMatchObject(forbidden);
    await connection.close();

    async function other() {
      const opened = await connection.createChannel();
      opened.on('error', () => {});
      return opened;
    }
  });
});
