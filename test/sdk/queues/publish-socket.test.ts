/** The publisher by a socket: what it saves, and that nothing is lost or stored twice, whatever becomes of the socket. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Posthorn, type Publisher, type PublisherOptions } from '../../../sdk/index.ts';
import { CuttingProxy } from '../../support/cutting-proxy.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { errorOf, FAST_RETRY, numbers, until } from '../harness.ts';

let broker: TestBroker;
let proxy: CuttingProxy;
let queues = 0;
let queue: string;
let queueId: number;
let direct: Posthorn;
let posthorn: Posthorn;

beforeAll(async () => {
  broker = await TestBroker.start({ own: 'evicts queues' });
  direct = new Posthorn({ url: broker.url });
});
afterAll(() => broker.stop());
beforeEach(async () => {
  proxy = await CuttingProxy.start(broker.url);
  posthorn = new Posthorn({ url: proxy.url, retry: FAST_RETRY, timeoutMs: 5_000 });
  queue = `queue-${++queues}`;
  await direct.queues.declare(queue);
  queueId = (await broker.call<{ topology_version: number }>('GET', `/v1/default/queues/${queue}`)).body
    .topology_version;
});
afterEach(() => proxy.stop());

const bodies = async (): Promise<unknown[]> =>
  (await direct.queues.peek(queue, { max: 1_000 })).map(({ body }) => body);

/** A publisher whose socket is open, and that has sent `count` messages, from 0. */
async function publisherWithSocket(options: PublisherOptions = {}): Promise<[Publisher, number]> {
  const publisher = posthorn.publisher({ connection: 'socket', ...options });
  let count = 0;
  // The first request opens nothing, and those after it do not wait for the socket.
  for (let posts = -1; posts !== proxy.posts; count++) {
    await until(() => count < 2 || proxy.openLinks > 0);
    posts = proxy.posts;
    await publisher.sendToQueue(queue, { body: count });
  }
  return [publisher, count];
}

/** Sends one message after the other, each once the one before is confirmed. */
async function send(publisher: Publisher, from: number, count: number): Promise<void> {
  for (const body of numbers(count, from)) await publisher.sendToQueue(queue, { body });
}

describe('a publisher by a socket', () => {
  it('sends no request once messages follow each other, and one socket carries them in order', async () => {
    const [publisher, count] = await publisherWithSocket();
    const before = proxy.posts;
    await send(publisher, count, 20);
    const confirmed = await Promise.all(
      numbers(50).map((i) => publisher.sendToQueue(queue, { body: 100 + i })),
    );
    expect(new Set(confirmed.map(({ outcome }) => outcome))).toEqual(new Set(['stored']));
    expect(proxy.posts).toBe(before);
    expect(proxy.links).toHaveLength(1);
    expect(await bodies()).toEqual([...numbers(count + 20), ...numbers(50, 100)]);
    await publisher.close();
    await until(() => proxy.openLinks === 0);
  });

  it('opens none for messages that are far apart, nor where it is told to send requests', async () => {
    await using publisher = posthorn.publisher({ connection: 'socket' });
    await publisher.sendToQueue(queue, { body: 1 });
    await using other = posthorn.publisher({ connection: 'requests' });
    for (const body of numbers(5)) await other.sendToQueue(queue, { body });
    expect(proxy.links).toHaveLength(0);
  });

  it('goes on after its queue was taken out of memory, with the same socket', async () => {
    const [publisher, count] = await publisherWithSocket();
    for (const round of numbers(3)) {
      await broker.evictObject('Queue', `default/${queue}#${queueId}`);
      await send(publisher, count + 2 * round, 2);
    }
    expect(proxy.links).toHaveLength(1);
    expect(await bodies()).toEqual(numbers(count + 6));
    await publisher.close();
  });

  it('goes on when its socket is a minute old, by another one', async () => {
    const [publisher, count] = await publisherWithSocket();
    await send(publisher, count, 12); // with fewer answers it would be taken for one that does not work
    const before = proxy.posts;
    await broker.advance(61_000);
    await send(publisher, count + 12, 3);
    expect(proxy.posts).toBeGreaterThan(before);
    await until(() => proxy.links.length === 2);
    expect(await bodies()).toEqual(numbers(count + 15));
    await publisher.close();
  });

  it('has a large message go as a request', async () => {
    const [publisher, count] = await publisherWithSocket();
    const before = proxy.posts;
    await publisher.sendToQueue(queue, { body: 'x'.repeat(200_000) });
    expect(proxy.posts).toBe(before + 1);
    await send(publisher, count, 1);
    expect(proxy.posts).toBe(before + 1);
    await publisher.close();
  });

  it('tells what the broker refuses as for a request', async () => {
    const [publisher] = await publisherWithSocket();
    const [asSocket, asRequest] = await Promise.all(
      [publisher, direct.publisher({ connection: 'requests' })].map(async (one) => {
        const sent = await Promise.allSettled(
          [{ body: 1 }, { body: 2, properties: { priority: 1, orderingKey: 'a' } }, { body: 3 }].map(
            (message) => one.sendToQueue(queue, message),
          ),
        );
        return sent.map((outcome) =>
          outcome.status === 'fulfilled'
            ? outcome.value.outcome
            : { ...(outcome.reason as object), message: (outcome.reason as Error).message },
        );
      }),
    );
    expect(asSocket).toEqual(asRequest);
    expect(asSocket![1]).toMatchObject({ code: 'invalid_message', status: 400, retryable: false });
    await direct.queues.delete(queue);
    const gone = await errorOf(publisher.sendToQueue(queue, { body: 1 }));
    expect(gone).toMatchObject({ code: 'queue_not_found', status: 404 });
    await publisher.close();
  });
});

describe('nothing is lost and nothing stored twice', () => {
  /** What the network does with the next frame or reply. */
  const cases: Record<string, () => void> = {
    'when the socket is cut before a frame': () => {
      proxy.up = (_chunk, link) => (link.cut(), null);
    },
    'when it is cut within a frame': () => {
      proxy.up = (chunk, link) => {
        setTimeout(link.cut, 5);
        return chunk.subarray(0, chunk.length >> 1);
      };
    },
    'when it is cut before the reply': () => {
      proxy.down = (_chunk, link) => (link.cut(), null);
    },
    'when it is cut within the reply': () => {
      proxy.down = (chunk, link) => {
        setTimeout(link.cut, 5);
        return chunk.subarray(0, chunk.length >> 1);
      };
    },
    'when the broker says something else': () => {
      proxy.down = () => Buffer.from([0x81, 2, 0x7b, 0x7d]);
    },
    'when a frame is refused as none': () => {
      proxy.up = (chunk) => {
        const spoiled = Buffer.from(chunk);
        spoiled[spoiled.length - 20]! ^= 0x55;
        return spoiled;
      };
    },
  };
  it.each(Object.entries(cases))('%s', async (_name, spoil) => {
    const [publisher, count] = await publisherWithSocket();
    spoil();
    const sent = numbers(3, count).map((body) => publisher.sendToQueue(queue, { body }));
    // The first of them goes alone, the others behind it.
    const outcomes = await Promise.allSettled(sent);
    proxy.up = proxy.down = (chunk) => chunk;
    const stored = sent.flatMap((_, i) => (outcomes[i]!.status === 'fulfilled' ? [count + i] : []));
    if (!_name.includes('refused')) expect(stored).toEqual(numbers(3, count));
    await send(publisher, 90, 2);
    expect(await bodies()).toEqual([...numbers(count), ...stored, 90, 91]);
    await publisher.close();
  });

  it('when a reply comes too late', async () => {
    posthorn = new Posthorn({ url: proxy.url, retry: FAST_RETRY, timeoutMs: 400 });
    const [publisher, count] = await publisherWithSocket();
    proxy.down = async (chunk) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      return chunk;
    };
    await send(publisher, count, 3);
    await publisher.close();
    expect(await bodies()).toEqual(numbers(count + 3));
  });

  it('when sockets are cut again and again under load', async () => {
    const [publisher, count] = await publisherWithSocket();
    let frames = 0;
    proxy.up = (chunk, link) => (++frames % 3 === 0 ? (link.cut(), null) : chunk);
    proxy.down = (chunk, link) => (frames % 4 === 0 ? (link.cut(), null) : chunk);
    const sent: Promise<unknown>[] = [];
    for (const body of numbers(300, count)) {
      sent.push(publisher.sendToQueue(queue, { body }));
      if (body % 7 === 0) await sent.at(-1);
    }
    await Promise.all(sent);
    expect(await bodies()).toEqual(numbers(count + 300));
    await publisher.close();
  });

  it('when its queue is taken out of memory between a message and its confirmation', async () => {
    const [publisher, count] = await publisherWithSocket();
    proxy.down = async (chunk) => {
      await broker.evictObject('Queue', `default/${queue}#${queueId}`);
      return chunk;
    };
    await send(publisher, count, 5);
    expect(await bodies()).toEqual(numbers(count + 5));
    await publisher.close();
  });
});

describe('where no socket is to be had', () => {
  it('all goes by requests, and none is asked for again', async () => {
    proxy.isRefusing = true;
    await using publisher = posthorn.publisher({ connection: 'socket' });
    for (const body of numbers(20)) await publisher.sendToQueue(queue, { body });
    expect(proxy.links).toHaveLength(1);
    expect(await bodies()).toEqual(numbers(20));
  });

  it('an opening that nobody answers holds nothing up, and close() does not wait for it', async () => {
    const publisher = new Posthorn({
      url: proxy.url,
      webSocket: () => new Promise(() => {}),
    }).publisher({ connection: 'socket' });
    await send(publisher, 0, 10);
    await publisher.close();
    expect(await bodies()).toEqual(numbers(10));
  });

  it('a socket that comes after close() is closed', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const publisher = new Posthorn({
      url: proxy.url,
      webSocket: async (url) => {
        await promise;
        return new WebSocket(url) as never;
      },
    }).publisher({ connection: 'socket' });
    await send(publisher, 0, 3);
    await publisher.close();
    resolve();
    await until(() => proxy.links.length === 1 && proxy.openLinks === 0);
  });
});

it('an open socket keeps no process alive that has nothing more to do', async () => {
  const script = `
    import { Posthorn } from ${JSON.stringify(join(import.meta.dirname, '../../../sdk/index.ts'))};
    const publisher = new Posthorn({ url: '${proxy.url}' }).publisher({ connection: 'socket' });
    for (let body = 0; body < 30; body++) await publisher.sendToQueue('${queue}', { body });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  await until(async () => (await bodies()).length === 30);
  const doneMs = performance.now();
  expect(await exited).toEqual([0, null]);
  expect(performance.now() - doneMs).toBeLessThan(3_000);
  expect(proxy.links).toHaveLength(1);
});

describe('every promise settles', () => {
  it('of a publisher that is closed while its socket says nothing', async () => {
    posthorn = new Posthorn({ url: proxy.url, retry: FAST_RETRY, timeoutMs: 300 });
    const [publisher, count] = await publisherWithSocket();
    proxy.down = () => null;
    const sent = publisher.sendToQueue(queue, { body: count });
    await publisher.close();
    expect((await sent).outcome).toBe('stored');
    expect(await bodies()).toEqual(numbers(count + 1));
    await until(() => proxy.openLinks === 0);
  });

  it('of a publisher that is aborted', async () => {
    const over = new AbortController();
    const [publisher, count] = await publisherWithSocket({ signal: over.signal });
    proxy.down = () => null;
    const sent = [publisher.sendToQueue(queue, { body: count }), publisher.sendToQueue(queue, { body: 2 })];
    await until(() => publisher.unconfirmed === 2);
    over.abort();
    for (const one of sent) expect((await errorOf(one)).code).toBe('aborted');
    await publisher.close();
    await until(() => proxy.openLinks === 0);
  });
});
