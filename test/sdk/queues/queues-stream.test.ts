/** Consumers on streams and on polls, streams that break or cannot be, and loops over messages. */

import { describe, expect, it } from 'vitest';
import type { ReceivedMessage, Socket, SocketFactory } from '../../../sdk/index.ts';
import { brokerForTests, errorOf, numbers, spoiledFetchOf, until } from '../harness.ts';

const broker = brokerForTests();

async function publish(queue: string, bodies: readonly unknown[]): Promise<void> {
  await using publisher = broker.client().publisher();
  await Promise.all(bodies.map((body) => publisher.sendToQueue(queue, { body: body as object })));
}

const stateOf = async (queue: string) => (await broker.client().queues.get(queue)).state;

interface SeenSockets {
  webSocket: SocketFactory;
  sockets: Socket[];
}

/** Opens real sockets and keeps them. */
function seenSockets(): SeenSockets {
  const sockets: Socket[] = [];
  const webSocket: SocketFactory = (url) => {
    const socket = new WebSocket(url) as unknown as Socket;
    sockets.push(socket);
    return socket;
  };
  return { sockets, webSocket };
}

describe.each(['stream', 'poll'] as const)('a consumer by %s', (transport) => {
  it('handles all, settles in each way, and gives back what it has not begun', async () => {
    const queue = await broker.queue({ deadLetter: 'none', retry: { scheduleMs: [60_000] } });
    await publish(queue, numbers(300));
    const seen: number[] = [];
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const consumer = broker.client().consumer(
      queue,
      async (message) => {
        const n = message.json<number>()!;
        seen.push(n);
        if (n === 10) await message.nack();
        else if (n === 20) await message.reject();
        else if (n >= 40) await held;
      },
      { transport, prefetch: 100, concurrency: 5 },
    );
    await until(() => seen.length === 45);
    const stopped = consumer.stop();
    release();
    await stopped;
    expect(seen).toEqual(numbers(45));
    expect(await stateOf(queue)).toMatchObject({ ready: 255, leased: 0, parked: 1 });
  });

  it('settles messages of every priority', async () => {
    const queue = await broker.queue({ maxPriority: 31, deadLetter: 'none' });
    await using publisher = broker.client().publisher();
    const priorities = [0, 15, 16, 31];
    await Promise.all(
      priorities.map((priority) =>
        publisher.sendToQueue(queue, { body: priority, properties: { priority } }),
      ),
    );
    const seen: number[] = [];
    const refused: unknown[] = [];
    const consumer = broker.client().consumer(
      queue,
      async (message) => {
        seen.push(message.json<number>()!);
        if (message.deliveryCount === 1) await message.nack({ delayMs: 1 });
        else await message.ack();
      },
      { transport, onError: (error) => refused.push(error) },
    );
    // First from the lane of what was published, then from the lane of what came back.
    await until(async () => (await broker.client().queues.get(queue)).state.meter.settled === 4);
    await consumer.stop();
    expect(seen.toSorted((a, b) => a - b)).toEqual([0, 0, 15, 15, 16, 16, 31, 31]);
    expect(refused).toEqual([]);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  });

  it('tells of failures with long stories in several frames', async () => {
    const queue = await broker.queue({ deadLetter: 'none', retry: { scheduleMs: [60_000] } });
    await publish(queue, numbers(300));
    const told: unknown[] = [];
    const handler = (): never => {
      const error = new Error('no');
      error.stack = 'x'.repeat(32_768);
      throw error;
    };
    const options = { transport, onError: (error: unknown) => told.push((error as Error).message) };
    const consumer = broker.client().consumer(queue, handler, options);
    await until(async () => (await stateOf(queue)).parked === 300);
    await consumer.stop();
    expect([told.length, new Set(told)]).toEqual([300, new Set(['no'])]);
  });

  it('gets what is published while it waits, and holds no more than its prefetch', async () => {
    const queue = await broker.queue();
    const kept: ReceivedMessage[] = [];
    const options = {
      transport,
      prefetch: 7,
      settle: 'manual',
      concurrency: 100,
      settleLingerMs: 0,
    } as const;
    const consumer = broker.client().consumer(queue, (message) => kept.push(message), options);
    await until(async () => (await stateOf(queue)).consumers === 1);
    await publish(queue, numbers(20));
    await until(() => kept.length === 7);
    expect(await stateOf(queue)).toMatchObject({ ready: 13, leased: 7 });
    for (let done = 0; done < 20; done++) {
      await until(() => kept.length > done);
      await kept[done]!.ack();
    }
    expect(kept.map((message) => message.json())).toEqual(numbers(20));
    await consumer.stop();
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0 });
  });

  it('of a queue that is deleted under it ends', async () => {
    const queue = await broker.queue();
    const consumer = broker.client().consumer(queue, () => {}, { transport });
    const ended = errorOf(consumer.done);
    await until(async () => (await stateOf(queue)).consumers === 1);
    await broker.client().queues.delete(queue);
    expect((await ended).code).toBe('queue_not_found');
  });
});

describe('a stream', () => {
  it('that breaks is opened again; what was in hand is lost and comes again', async () => {
    const { webSocket, sockets } = seenSockets();
    const queue = await broker.queue();
    await publish(queue, numbers(10));
    const told: string[] = [];
    const first: ReceivedMessage[] = [];
    const second: ReceivedMessage[] = [];
    const consumer = broker
      .client({ webSocket })
      .consumer(queue, (message) => void (message.redelivered ? second : first).push(message), {
        settle: 'manual',
        concurrency: 100,
        onError: (error) => told.push((error as { code: string }).code),
      });
    await until(() => first.length === 10);
    sockets[0]!.close();
    await until(() => second.length === 10);
    expect(first.every(({ signal }) => signal.aborted)).toBe(true);
    expect((await errorOf(first[0]!.ack())).code).toBe('settlement_refused');
    await Promise.all(second.map((message) => message.ack()));
    await consumer.stop();
    expect(sockets).toHaveLength(2);
    expect(told).toEqual(['connection_failed', 'settlement_refused']);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0 });
  });

  it('that cannot be opened gives way to polls', async () => {
    const webSocket: SocketFactory = () => {
      throw new TypeError('the proxy says no');
    };
    const queue = await broker.queue();
    await publish(queue, numbers(5));
    const seen: unknown[] = [];
    const told: string[] = [];
    const { fetch, produced } = spoiledFetchOf(/\/deliveries$/);
    const consumer = broker
      .client({ webSocket, fetch })
      .consumer(queue, (message) => seen.push(message.json()), {
        onError: (error) => told.push((error as Error).message),
      });
    await until(() => seen.length === 5);
    await consumer.stop();
    expect(told).toEqual(['the proxy says no', 'the proxy says no']);
    expect(produced.length).toBeGreaterThan(0);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0 });
  });

  it('is not taken where a fetch of its own leads elsewhere, unless it is asked for', async () => {
    const { fetch, produced } = spoiledFetchOf(/\/deliveries$/);
    const queue = await broker.queue();
    await publish(queue, [1]);
    let handled = 0;
    const consumer = broker.client({ fetch }).consumer(queue, () => void handled++);
    await until(() => handled === 1);
    await consumer.stop();
    expect(produced.length).toBeGreaterThan(0);
  });

  it('brings what was lost with a handler that never returns to another consumer', async () => {
    const controller = new AbortController();
    const queue = await broker.queue();
    await publish(queue, numbers(3));
    let begun = 0;
    const stuck = broker.client().consumer(
      queue,
      () => {
        begun++;
        return new Promise(() => {});
      },
      { signal: controller.signal },
    );
    await until(() => begun === 3);
    controller.abort();
    expect((await errorOf(stuck.done)).code).toBe('aborted');
    const seen: unknown[] = [];
    const consumer = broker.client().consumer(queue, (message) => seen.push(message.json()));
    await until(() => seen.length === 3);
    await consumer.stop();
  });
});

describe('a loop over messages', () => {
  it('gets each in order, settles as it says, and is not ahead by more than its prefetch', async () => {
    const queue = await broker.queue({ deadLetter: 'none' });
    await publish(queue, numbers(30));
    const seen: number[] = [];
    let mostLeased = 0;
    for await (const message of broker.client().messages(queue, { prefetch: 5, settleLingerMs: 0 })) {
      const n = message.json<number>()!;
      if (!message.redelivered) seen.push(n);
      mostLeased = Math.max(mostLeased, (await stateOf(queue)).leased);
      await (n === 3 ? message.reject() : message.ack());
      if (n === 19) break;
    }
    expect(seen).toEqual(numbers(20));
    expect(mostLeased).toBeLessThanOrEqual(5);
    expect(await stateOf(queue)).toMatchObject({ ready: 10, leased: 0, parked: 0 });
  });

  it('gives back what it has not settled when it is left, and what it throws comes out', async () => {
    const queue = await broker.queue();
    await publish(queue, numbers(10));
    const left = (async () => {
      for await (const message of broker.client().messages(queue)) {
        if (message.json() === 1) throw new Error('enough');
      }
    })();
    await expect(left).rejects.toThrow('enough');
    expect(await stateOf(queue)).toMatchObject({ ready: 10, leased: 0, consumers: 0 });
  });

  it('ends with what ends a consumer', async () => {
    const next = async (queue: string, signal?: AbortSignal): Promise<void> => {
      for await (const message of broker.client().messages(queue, { signal })) await message.ack();
    };
    expect((await errorOf(next('nowhere'))).code).toBe('queue_not_found');
    const controller = new AbortController();
    const queue = await broker.queue();
    const aborted = errorOf(next(queue, controller.signal));
    await until(async () => (await stateOf(queue)).consumers === 1);
    controller.abort();
    expect((await aborted).code).toBe('aborted');
    expect(() => broker.client().messages('a\u0000b')).toThrow('queue');
  });
});
