import { describe, expect, it } from 'vitest';
import { brokerForTests, errorOf, numbers, until } from '../harness.ts';

const broker = brokerForTests();

describe('a request', () => {
  it('gets what the responder returns, with its correlation id', async () => {
    const queue = await broker.queue();
    const posthorn = broker.client();
    const responder = posthorn.respond(queue, (message) => {
      const [a, b] = message.json<[number, number]>()!;
      return { sum: a + b };
    });
    const replies = await Promise.all(
      numbers(50).map((n) =>
        posthorn.request({ queue }, { body: [n, 1], properties: { correlationId: `c${n}` } }),
      ),
    );
    expect(replies.map(({ body }) => body)).toEqual(numbers(50).map((n) => ({ sum: n + 1 })));
    expect(replies.map(({ properties }) => properties.correlationId)).toEqual(
      numbers(50).map((n) => `c${n}`),
    );
    await responder.stop();
    expect((await posthorn.queues.get(queue)).state).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  });

  it('goes through an exchange, as bytes and with headers', async () => {
    const queue = await broker.queue();
    const posthorn = broker.client();
    await posthorn.exchanges.declare('asked', { type: 'topic' });
    await posthorn.exchanges.bind('asked', { queue }, { routingKey: 'price.*' });
    await using responder = posthorn.respond(queue, (message) => {
      expect([message.routingKey, message.header('unit')]).toEqual(['price.tea', 'kg']);
      return message.body!.toReversed();
    });
    const destination = { exchange: 'asked', routingKey: 'price.tea' };
    const message = { body: new Uint8Array([255, 0, 128]), headers: { unit: 'kg' } };
    expect((await posthorn.request(destination, message)).body).toEqual({ $base64: 'gAD/' });
    expect(responder.inHand).toBeLessThanOrEqual(1);
  });

  it('is told what the responder threw, and nobody tries again', async () => {
    const queue = await broker.queue();
    const posthorn = broker.client();
    const told: unknown[] = [];
    let calls = 0;
    await using _responder = posthorn.respond(
      queue,
      () => {
        calls++;
        throw new RangeError('too far');
      },
      { onError: (error) => told.push((error as Error).message) },
    );
    const error = await errorOf(posthorn.request({ queue }, { body: 1 }));
    expect(error).toMatchObject({
      code: 'request_failed',
      retryable: false,
      details: { type: 'RangeError', message: 'too far' },
    });
    await until(async () => (await posthorn.queues.get(queue)).state.leased === 0);
    expect([calls, told]).toEqual([1, ['too far']]);
  });

  it('is tried again where the responder is told to, until it is served', async () => {
    const queue = await broker.queue({ retry: { scheduleMs: [1, 1, 1] } });
    const posthorn = broker.client();
    let calls = 0;
    await using _responder = posthorn.respond(
      queue,
      () => {
        if (++calls < 3) throw new Error('not yet');
        return calls;
      },
      { onThrow: 'nack' },
    );
    expect((await posthorn.request({ queue }, { body: 1 })).body).toBe(3);
  });

  it('ends with a code where nobody takes it, answers it or waits for it', async () => {
    const queue = await broker.queue();
    const posthorn = broker.client();
    expect((await errorOf(posthorn.request({ queue: 'nowhere' }, { body: 1 }))).code).toBe('unroutable');
    const late = await errorOf(posthorn.request({ queue }, { body: 1 }, { timeoutMs: 50 }));
    expect(late).toMatchObject({ code: 'no_reply', retryable: false });
    const controller = new AbortController();
    const aborted = errorOf(posthorn.request({ queue }, { body: 2 }, { signal: controller.signal }));
    await until(async () => (await posthorn.queues.get(queue)).state.ready === 2);
    controller.abort();
    expect((await aborted).code).toBe('aborted');
    const told: unknown[] = [];
    const responder = posthorn.respond(queue, () => 'late', {
      onError: (error) => told.push((error as { code: string }).code),
    });
    await until(async () => {
      const { ready, leased } = (await posthorn.queues.get(queue)).state;
      return ready + leased === 0;
    });
    await responder.stop();
    // The broker may hear of the leaving of the other only later.
    expect(told).toContain('unroutable');
    expect((await posthorn.queues.get(queue)).state).toMatchObject({ ready: 0, leased: 0, parked: 0 });
  });

  it('is refused with what cannot be', async () => {
    const posthorn = broker.client();
    const queue = await broker.queue();
    const body = 1;
    for (const wrong of [
      () => posthorn.request({ queue }, { body, properties: { replyTo: 'me' } }),
      () => posthorn.request({ queue }, { body }, { timeoutMs: 0 }),
      () => posthorn.request({ exchange: 'a\nb' }, { body }),
      () => posthorn.request({ queue }, { body: undefined as never }),
    ]) {
      expect((await errorOf(wrong())).code).toBe('invalid_argument');
    }
    expect(() => posthorn.respond(queue, () => 1, { onThrow: 'ignore' as never })).toThrow('onThrow');
  });
});
