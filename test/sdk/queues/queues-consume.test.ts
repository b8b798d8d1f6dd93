import { describe, expect, it } from 'vitest';
import type { ConsumerOptions, MessageHandler, Posthorn, ReceivedMessage } from '../../../sdk/index.ts';
import {
  answer,
  brokerForTests,
  dropReply,
  dropRequest,
  errorOf,
  numbers,
  spoiledFetchOf,
  until,
} from '../harness.ts';

const broker = brokerForTests();
const SETTLEMENTS = /\/settlements$/;
const DELIVERIES = /\/deliveries$/;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function publish(queue: string, bodies: readonly unknown[], properties = {}): Promise<void> {
  await using publisher = broker.client().publisher();
  await Promise.all(bodies.map((body) => publisher.sendToQueue(queue, { body: body as object, properties })));
}

/** Consumes until `count` messages were handled, and stops. */
async function consume(
  posthorn: Posthorn,
  queue: string,
  count: number,
  handler: MessageHandler = () => {},
  options: ConsumerOptions = {},
): Promise<ReceivedMessage[]> {
  const seen: ReceivedMessage[] = [];
  const consumer = posthorn.consumer(
    queue,
    (message) => {
      seen.push(message);
      return handler(message);
    },
    options,
  );
  await until(() => seen.length >= count);
  await consumer.stop();
  return seen;
}

const stateOf = async (queue: string) => (await broker.client().queues.get(queue)).state;

describe('a consumer', () => {
  it('gets messages as they were published, and acknowledges them', async () => {
    const queue = await broker.queue({ maxPriority: 3 });
    await using publisher = broker.client().publisher();
    const properties = { priority: 0, correlationId: 'c', orderingKey: 'k', timestamp: 5, type: 't' };
    const headers = { trace: 'abc', many: ['1', '2'] };
    await publisher.sendToQueue(queue, { body: { n: 'ü' }, headers, properties });
    await publisher.publish('', { routingKey: queue, body: new Uint8Array([255]) });
    const [first, second] = await consume(broker.client(), queue, 2);
    expect(first).toMatchObject({ deliveryCount: 1, redelivered: false, properties, isSettled: true });
    expect([first!.json(), first!.text()]).toEqual([{ n: 'ü' }, '{"n":"ü"}']);
    expect([first!.header('trace'), first!.header('many'), first!.header(':type')]).toEqual([
      'abc',
      '2',
      undefined,
    ]);
    expect(first!.headers.map(({ key }) => key)).toEqual(['trace', 'many', 'many']);
    expect([first!.exchange, second!.exchange, second!.routingKey]).toEqual([undefined, '', queue]);
    expect(second!.body).toEqual(new Uint8Array([255]));
    expect(() => second!.json()).toThrow('not JSON');
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0, bytes: 0 });
  });

  it('acknowledges many messages in few requests, in the order of the queue', async () => {
    const { fetch, produced } = spoiledFetchOf(SETTLEMENTS);
    const queue = await broker.queue();
    await publish(queue, numbers(1_000));
    const seen = await consume(broker.client({ fetch }), queue, 1_000, async () => {}, { concurrency: 1 });
    expect(seen.map((message) => message.json())).toEqual(numbers(1_000));
    expect(produced.length).toBeLessThanOrEqual(5);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0 });
  });

  it('nacks what throws, with the error, and gets it again with a higher count', async () => {
    const queue = await broker.queue({ retry: { scheduleMs: [1] } });
    await publish(queue, ['poison']);
    const errors: unknown[] = [];
    const seen = await consume(
      broker.client(),
      queue,
      2,
      async () => {
        throw new TypeError('cannot');
      },
      { onError: (error, message) => errors.push([(error as Error).message, message?.deliveryCount]) },
    );
    expect(seen.map(({ deliveryCount, redelivered }) => [deliveryCount, redelivered])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(errors).toEqual([
      ['cannot', 1],
      ['cannot', 2],
    ]);
    await until(async () => (await broker.client().queues.list()).some((q) => q.queue === `${queue}.dlq`));
  });

  it('settles as the handler says', async () => {
    const queue = await broker.queue({ deadLetter: 'none' });
    await publish(queue, ['nack', 'reject', 'release', 'ack']);
    const seen = await consume(broker.client(), queue, 6, async (message) => {
      if (message.redelivered) return;
      const kind = message.json() as 'nack' | 'reject' | 'release' | 'ack';
      await (kind === 'nack' ? message.nack({ delayMs: 0 }) : message[kind]());
      expect((await errorOf(message.ack())).code).toBe('invalid_argument');
    });
    expect(
      seen
        .slice(4)
        .map((message) => message.json())
        .toSorted(),
    ).toEqual(['nack', 'release']);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  });

  it('keeps to prefetch and concurrency', async () => {
    const queue = await broker.queue();
    await publish(queue, numbers(60));
    let running = 0;
    let most = 0;
    let mostLeased = 0;
    const handler = async (): Promise<void> => {
      most = Math.max(most, ++running);
      mostLeased = Math.max(mostLeased, (await stateOf(queue)).leased);
      running--;
    };
    await consume(broker.client(), queue, 60, handler, { prefetch: 8, concurrency: 3, settleLingerMs: 0 });
    expect(most).toBe(3);
    // Settled ones count until the broker has stored that.
    expect(mostLeased).toBeLessThanOrEqual(16);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0 });
  });

  it('handles messages of one ordering key one after another', async () => {
    const queue = await broker.queue();
    await using publisher = broker.client().publisher();
    await Promise.all(
      numbers(40).map((n) =>
        publisher.sendToQueue(queue, { body: n, properties: { orderingKey: `k${n % 4}` } }),
      ),
    );
    const atWork = new Set<string>();
    const handler = async (message: ReceivedMessage): Promise<void> => {
      const key = message.properties.orderingKey!;
      expect(atWork.has(key)).toBe(false);
      atWork.add(key);
      await pause(2);
      atWork.delete(key);
    };
    const seen = await consume(broker.client(), queue, 40, handler, { settleLingerMs: 0 });
    for (const k of numbers(4)) {
      const values = seen.map((message) => message.json<number>()!).filter((n) => n % 4 === k);
      expect(values).toEqual(numbers(10).map((i) => i * 4 + k));
    }
  });

  it('extends leases: what takes longer than one is delivered once', async () => {
    // A busy machine that stops for less than half a lease changes nothing.
    const queue = await broker.queue({ leaseMs: 4_000 });
    await publish(queue, numbers(3));
    const handler = (): Promise<void> => pause(5_000);
    const seen = await consume(broker.client(), queue, 3, handler, { concurrency: 2 });
    expect(seen.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1]);
    expect((await stateOf(queue)).meter).toMatchObject({ delivered: 3, settled: 3 });
  });

  it('settles by hand, also after the handler has returned', async () => {
    const queue = await broker.queue();
    await publish(queue, numbers(5));
    const kept: ReceivedMessage[] = [];
    const consumer = broker.client().consumer(queue, (message) => kept.push(message), { settle: 'manual' });
    await until(() => kept.length === 5);
    expect([consumer.inHand, (await stateOf(queue)).leased]).toEqual([5, 5]);
    await Promise.all(kept.map((message) => message.ack()));
    expect((await stateOf(queue)).leased).toBe(0);
    await consumer.stop();
  });
});

describe('a consumer that stops', () => {
  it('finishes what it has begun, settles it, and gives back the rest', async () => {
    const queue = await broker.queue();
    await publish(queue, numbers(50));
    let finished = 0;
    const begun: number[] = [];
    const consumer = broker.client().consumer(
      queue,
      async (message) => {
        begun.push(message.json<number>()!);
        await pause(50);
        finished++;
      },
      { concurrency: 4 },
    );
    await until(() => begun.length === 4);
    await Promise.all([consumer.stop(), consumer.stop()]);
    await consumer.done;
    expect([begun.length, finished, consumer.inHand]).toEqual([4, 4, 0]);
    expect(await stateOf(queue)).toMatchObject({ ready: 46, leased: 0, parked: 0 });
    const rest = await consume(broker.client(), queue, 46);
    expect(rest.map((message) => message.json())).toEqual(numbers(46, 4));
  });

  it('by its AbortSignal ends at once', async () => {
    const queue = await broker.queue();
    await publish(queue, numbers(3));
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const consumer = broker.client().consumer(
      queue,
      (message) => {
        signals.push(message.signal);
        return new Promise(() => {});
      },
      { signal: controller.signal },
    );
    await until(() => signals.length === 3);
    controller.abort();
    expect((await errorOf(consumer.done)).code).toBe('aborted');
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect((await errorOf(consumer.stop())).code).toBe('aborted');
    expect(consumer.inHand).toBe(0);
  });

  it('does not wait for messages that may never come', async () => {
    const queue = await broker.queue();
    // A poll that ended by itself would take longer than a test may.
    const consumer = broker.client().consumer(queue, () => {}, { waitMs: 60_000 });
    await until(async () => (await stateOf(queue)).consumers === 1);
    await consumer.stop();
  });

  it('because there is no such queue says so', async () => {
    const consumer = broker.client().consumer('nowhere', () => {});
    expect((await errorOf(consumer.done)).code).toBe('queue_not_found');
  });
});

describe('on a bad network', () => {
  it('a consumer loses nothing when requests and replies to settlements are lost', async () => {
    const spoilers = [dropRequest, dropReply, answer(503), dropReply];
    const { fetch } = spoiledFetchOf(SETTLEMENTS, ...spoilers);
    const queue = await broker.queue();
    await publish(queue, numbers(200));
    const errors: unknown[] = [];
    const seen = await consume(broker.client({ fetch }), queue, 200, async () => {}, {
      settleBatch: 20,
      onError: (error) => errors.push(error),
    });
    expect(new Set(seen.map((message) => message.json())).size).toBe(200);
    expect(errors).toEqual([]);
    expect(await stateOf(queue)).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  });

  it('what a lost reply brought comes again when its lease is over', async () => {
    const { fetch } = spoiledFetchOf(DELIVERIES, dropRequest, dropReply, answer(502));
    const queue = await broker.queue({ leaseMs: 2_000 });
    await publish(queue, numbers(20));
    const told: unknown[] = [];
    const seen = await consume(broker.client({ fetch }), queue, 20, () => {}, {
      onError: (error) => told.push((error as { code: string }).code),
    });
    expect(seen.map((message) => message.json()).toSorted()).toEqual(numbers(20).toSorted());
    expect(seen.every(({ deliveryCount }) => deliveryCount === 2)).toBe(true);
    expect(told).toEqual(['connection_failed', 'connection_failed', 'unexpected_reply']);
  });
});
