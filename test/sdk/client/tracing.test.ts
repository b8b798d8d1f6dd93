/** Tracing by the SDK with the real API and SDK of OpenTelemetry: one trace from the producer to the last handler. */

import { createRequire } from 'node:module';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTelemetry, type OpenTelemetryApi, type Posthorn } from '../../../sdk/index.ts';
import { brokerForTests, until } from '../harness.ts';

interface Span {
  name: string;
  kind: number;
  attributes: Record<string, unknown>;
  status: { code: number; message?: string };
  parentSpanContext?: { spanId: string };
  links: { context: { spanId: string; traceId: string } }[];
  spanContext(): { traceId: string; spanId: string };
}

interface Api extends OpenTelemetryApi {
  trace: OpenTelemetryApi['trace'] & { setGlobalTracerProvider(provider: unknown): void; disable(): void };
  context: OpenTelemetryApi['context'] & { setGlobalContextManager(manager: unknown): void; disable(): void };
}

/** By name, so that a checkout whose packages are older can be compiled. */
const load: (name: string) => never = createRequire(import.meta.url) as never;
const api: Api = load('@opentelemetry/api');
const sdk: {
  InMemorySpanExporter: new () => { getFinishedSpans(): Span[]; reset(): void };
  SimpleSpanProcessor: new (exporter: unknown) => unknown;
  BasicTracerProvider: new (config: object) => { shutdown(): Promise<void> };
} = load('@opentelemetry/sdk-trace-base');
const {
  AsyncLocalStorageContextManager,
}: { AsyncLocalStorageContextManager: new () => { enable(): unknown } } = load(
  '@opentelemetry/context-async-hooks',
);

const [CLIENT, PRODUCER, CONSUMER, ERROR] = [2, 3, 4, 2];

const broker = brokerForTests();
const exporter = new sdk.InMemorySpanExporter();
const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
let posthorn: Posthorn;

beforeAll(() => {
  api.trace.setGlobalTracerProvider(provider);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  posthorn = broker.client({ tracing: openTelemetry(api) });
});
afterAll(async () => {
  await provider.shutdown();
  api.trace.disable();
  api.context.disable();
});
beforeEach(() => exporter.reset());

const named = (name: string): Span[] => exporter.getFinishedSpans().filter((span) => span.name === name);

async function spans(name: string, count = 1): Promise<Span[]> {
  await until(() => named(name).length >= count);
  expect(named(name)).toHaveLength(count);
  return named(name);
}

const traceOf = (span: Span): string => span.spanContext().traceId;
const idOf = (span: Span): string => span.spanContext().spanId;

describe('tracing', () => {
  it('makes one trace of a publish, its handling and its settlement', async () => {
    const queue = await broker.queue();
    await using publisher = posthorn.publisher();
    await publisher.sendToQueue(queue, { body: 1, properties: { messageId: 'm1', correlationId: 'c1' } });
    const consumer = posthorn.consumer(queue, async () => {});
    const [ack] = await spans(`ack ${queue}`);
    await consumer.stop();
    const [publish] = await spans(`publish ${queue}`);
    const [receive] = await spans(`receive ${queue}`);
    const [process] = await spans(`process ${queue}`);
    expect([publish!.kind, receive!.kind, process!.kind, ack!.kind]).toEqual([
      PRODUCER,
      CLIENT,
      CONSUMER,
      CLIENT,
    ]);
    expect(process!.parentSpanContext!.spanId).toBe(idOf(publish!));
    expect(ack!.parentSpanContext!.spanId).toBe(idOf(process!));
    expect(new Set([publish!, process!, ack!].map(traceOf)).size).toBe(1);
    expect(receive!.links.map(({ context }) => context.spanId)).toEqual([idOf(publish!)]);
    const { hostname, port } = new URL(broker.url);
    const common = {
      'messaging.system': 'posthorn',
      'messaging.destination.name': queue,
      'server.address': hostname,
      'server.port': Number(port),
    };
    const ids = { 'messaging.message.id': 'm1', 'messaging.message.conversation_id': 'c1' };
    expect(publish!.attributes).toEqual({
      ...common,
      ...ids,
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
    });
    expect(receive!.attributes).toMatchObject({
      'messaging.operation.type': 'receive',
      'messaging.batch.message_count': 1,
    });
    expect(process!.attributes).toEqual({
      ...common,
      ...ids,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'posthorn.delivery_count': 1,
    });
    expect(ack!.attributes).toMatchObject({
      'messaging.operation.name': 'ack',
      'messaging.operation.type': 'settle',
    });
  });

  it('follows a message over an exchange, a retry and its dead letter to its replay', async () => {
    const queue = await broker.queue({ retry: { scheduleMs: [0] } });
    const exchange = `${queue}-x`;
    await posthorn.exchanges.declare(exchange, { type: 'fanout' });
    await posthorn.exchanges.bind(exchange, { queue });
    let isMended = false;
    const consumer = posthorn.consumer(
      queue,
      () => {
        if (!isMended) throw new TypeError('poisoned');
      },
      { onError: () => {} },
    );
    const publisher = posthorn.publisher();
    await publisher.publish(exchange, { body: 1, routingKey: 'orders.new' });
    await publisher.close();
    await until(async () => (await Array.fromAsync(posthorn.deadLetters.list(queue))).length === 1);
    isMended = true;
    await posthorn.deadLetters.replay(queue);
    await spans(`ack ${queue}`);
    await consumer.stop();
    const [publish] = await spans(`publish ${exchange}`);
    expect(publish!.attributes['posthorn.routing_key']).toBe('orders.new');
    const handled = await spans(`process ${queue}`, 3);
    const settled = [...(await spans(`nack ${queue}`, 2)), ...named(`ack ${queue}`)];
    expect(new Set([publish!, ...handled, ...settled].map(traceOf)).size).toBe(1);
    const [first, second, third] = handled;
    expect(first).toMatchObject({
      status: { code: ERROR, message: 'poisoned' },
      attributes: { 'error.type': 'TypeError', 'posthorn.delivery_count': 1 },
    });
    expect(second!.attributes['posthorn.delivery_count']).toBe(2);
    expect(third!.status.code).toBe(0);
  });

  it('makes what a handler publishes part of the trace that it handles', async () => {
    const [from, to] = [await broker.queue(), await broker.queue()];
    const publisher = posthorn.publisher();
    await publisher.sendToQueue(from, { body: 1 });
    const consumer = posthorn.consumer(from, async () => {
      await publisher.sendToQueue(to, { body: 2 });
    });
    const [second] = await spans(`publish ${to}`);
    await consumer.stop();
    await publisher.close();
    const [process] = await spans(`process ${from}`);
    expect(second!.parentSpanContext!.spanId).toBe(idOf(process!));
    const [message] = await posthorn.queues.peek(to);
    expect(message!.headers['traceparent']).toBe(`00-${traceOf(second!)}-${idOf(second!)}-01`);
  });

  it('leaves the context of a message that has one, and links to it', async () => {
    const queue = await broker.queue();
    const own = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await using publisher = posthorn.publisher();
    await publisher.sendToQueue(queue, { body: 1, headers: { traceparent: own } });
    const [message] = await posthorn.queues.peek(queue);
    expect(message!.headers['traceparent']).toBe(own);
    const [publish] = await spans(`publish ${queue}`);
    expect(publish!.links.map(({ context }) => context.spanId)).toEqual(['b7ad6b7169203331']);
  });

  it('traces records and the members of groups: a record each, or a batch with links', async () => {
    const topic = await broker.topic(1);
    await using producer = posthorn.producer();
    await producer.send(topic, { value: 1 });
    await producer.sendBatch(topic, [{ value: 2 }, { value: 3 }]);
    const sent = await spans(`publish ${topic}`, 3);
    expect(sent.map(({ attributes }) => attributes['posthorn.offset'])).toEqual([0, 1, 2]);
    const one = posthorn.consumer({
      group: `${topic}-one`,
      topics: [topic],
      start: 'earliest',
      eachRecord: () => {},
    } as never);
    const handled = await spans(`process ${topic}`, 3);
    await one.stop();
    expect(handled.map((span) => span.parentSpanContext!.spanId)).toEqual(sent.map(idOf));
    expect(handled[2]!.attributes).toMatchObject({
      'messaging.consumer.group.name': `${topic}-one`,
      'messaging.destination.partition.id': '0',
      'posthorn.offset': 2,
    });
    exporter.reset();
    const all = posthorn.consumer({
      group: `${topic}-all`,
      topics: [topic],
      start: 'earliest',
      eachBatch: () => {},
    } as never);
    const [batch] = await spans(`process ${topic}`);
    await all.stop();
    expect(batch!.attributes['messaging.batch.message_count']).toBe(3);
    expect(batch!.links.map(({ context }) => context.spanId)).toEqual(sent.map(idOf));
  });

  it('traces transactions, and requests to whoever answers them', async () => {
    const queue = await broker.queue();
    await using producer = posthorn.transactionalProducer({ transactionalId: queue });
    await producer.run(async (transaction) => {
      await transaction.sendToQueue(queue, { body: 1 });
    });
    const [publish] = await spans(`publish ${queue}`);
    const responder = posthorn.respond(queue, () => 'yes');
    const [handled] = await spans(`process ${queue}`);
    expect(traceOf(handled!)).toBe(traceOf(publish!));
    await posthorn.request({ queue }, { body: 2 });
    const [, asked] = await spans(`publish ${queue}`, 2);
    const [, answered] = await spans(`process ${queue}`, 2);
    expect(answered!.parentSpanContext!.spanId).toBe(idOf(asked!));
    await responder.stop();
  });

  it('says what failed', async () => {
    await using publisher = posthorn.publisher();
    await expect(publisher.sendToQueue('nowhere', { body: 1 })).rejects.toThrow('nowhere');
    const [publish] = await spans('publish nowhere');
    expect(publish).toMatchObject({
      status: { code: ERROR },
      attributes: { 'error.type': 'queue_not_found' },
    });
  });

  it('adds nothing to messages while the application has set up no provider', async () => {
    const queue = await broker.queue();
    api.trace.disable();
    try {
      await using publisher = posthorn.publisher();
      await publisher.sendToQueue(queue, { body: 1 });
      const [message] = await posthorn.queues.peek(queue);
      expect(message!.headers).toEqual({});
    } finally {
      api.trace.setGlobalTracerProvider(provider);
    }
  });
});
