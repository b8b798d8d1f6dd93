/** The token of a client: sent with each request, asked for again when it is not good any more, and never tried in vain. */

import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { Posthorn, type PosthornOptions } from '../../../sdk/index.ts';
import { LockedBroker, type Team } from '../../workers/access/support.ts';
import { errorOf } from '../harness.ts';

let locked: LockedBroker;
let team: Team;
beforeAll(async () => {
  locked = await LockedBroker.start();
  team = await locked.team('team');
});
afterAll(() => locked.broker.stop());
afterEach(() => vi.unstubAllGlobals());

/** A client, and how many requests it has sent. */
function client(token: PosthornOptions['token']): { posthorn: Posthorn; sent: () => number } {
  let sent = 0;
  const posthorn = new Posthorn({
    url: locked.broker.url,
    namespace: 'team',
    ...(token !== undefined && { token }),
    fetch: (url, init) => {
      sent += 1;
      return fetch(url, init);
    },
  });
  return { posthorn, sent: () => sent };
}

it('a client with a token may do what the token allows', async () => {
  const { posthorn } = client(team.admin.token);
  await posthorn.queues.declare('mails');
  const { posthorn: producer, sent } = client(team.producer.token);
  const error = await errorOf(producer.queues.declare('others'));
  expect(error).toMatchObject({ code: 'forbidden', status: 403, retryable: false });
  expect(error.details).toMatchObject({ needs: 'queue:others:manage' });
  expect(sent()).toBe(1);
});

it('a client without a good token is told so at once', async () => {
  for (const token of [undefined, 'ph_nothing', team.admin.token.replace(/.$/, '~')]) {
    const { posthorn, sent } = client(token);
    const error = await errorOf(posthorn.topics.list());
    expect(error).toMatchObject({ code: 'unauthenticated', status: 401, retryable: false });
    expect(sent()).toBe(1);
  }
});

it('a function is asked once more when its token is not good any more', async () => {
  const tokens = ['ph_old', team.admin.token];
  const { posthorn, sent } = client(() => Promise.resolve(tokens.length > 1 ? tokens.shift()! : tokens[0]!));
  await posthorn.topics.declare('orders');
  expect(sent()).toBe(2);
  const { posthorn: other, sent: sentByOther } = client(() => 'ph_old');
  expect(await errorOf(other.topics.list())).toMatchObject({ code: 'unauthenticated', retryable: false });
  expect(sentByOther()).toBe(2);
});

it('a stream has the token too, in the address where a browser opens it', async () => {
  const consume = async (): Promise<unknown> => {
    const posthorn = new Posthorn({ url: locked.broker.url, namespace: 'team', token: team.admin.token });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const consumer = posthorn.consumer('mails', (message) => resolve(message.json()), {
      transport: 'stream',
    });
    await using publisher = posthorn.publisher();
    await publisher.sendToQueue('mails', { body: 'hello' });
    const body = await promise;
    await consumer.stop();
    return body;
  };
  expect(await consume()).toBe('hello');
  vi.stubGlobal('navigator', { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0' });
  const opened: string[] = [];
  const Real = WebSocket;
  vi.stubGlobal(
    'WebSocket',
    class extends Real {
      constructor(url: string, options?: string[]) {
        if (options !== undefined) throw new SyntaxError('a browser takes no headers');
        opened.push(url);
        super(url);
      }
    },
  );
  expect(await consume()).toBe('hello');
  expect(opened[0]).toContain(`access_token=${team.admin.token}`);
});
