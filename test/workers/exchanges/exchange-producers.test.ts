/** Sequences in publishes through an exchange, over HTTP, into queues and topics. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type {
  ExchangeBatchesPublished,
  ExchangePublished,
  PublishedMessage,
} from '../../../protocol/schemas/exchanges.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';
import { drainQueue } from '../../support/clients/queue-client.ts';

const NAMESPACE = '/v1/default';

let broker: TestBroker;
beforeAll(async () => void (broker = await TestBroker.start({ own: 'is restarted' })));
afterAll(() => broker.stop());

let names = 0;
const newName = (kind: string): string => `${kind}-${++names}`;

async function newQueue(definition: object = {}): Promise<string> {
  const name = newName('queue');
  expect((await broker.call('PUT', `${NAMESPACE}/queues/${name}`, definition)).status).toBe(201);
  return name;
}

async function newTopic(declaration: object = {}): Promise<string> {
  const name = newName('topic');
  expect((await broker.declare(name, declaration)).status).toBe(201);
  return name;
}

async function newExchange(type = 'fanout', more: object = {}): Promise<string> {
  const name = newName('exchange');
  expect((await broker.call('PUT', `${NAMESPACE}/exchanges/${name}`, { type, ...more })).status).toBe(201);
  return name;
}

async function bind(source: string, to: string, more: object = {}): Promise<string> {
  const [kind, name] = to.split('/');
  const path = `${NAMESPACE}/exchanges/${source}/bindings`;
  const reply = await broker.call<{ id: string }>('POST', path, { destination: { kind, name }, ...more });
  expect(reply.status).toBe(201);
  return reply.body.id;
}

const unbind = (exchange: string, id: string) =>
  broker.call('DELETE', `${NAMESPACE}/exchanges/${exchange}/bindings/${id}`);

async function newProducer(): Promise<ProducerReply> {
  return (await broker.call<ProducerReply>('POST', `${NAMESPACE}/producers`)).body;
}

type Problem = ProblemDocument & { messages: PublishedMessage[]; last_sequence?: number };

function publish(
  exchange: string,
  producer: object | undefined,
  messages: object[],
  more: object = {},
): Promise<Reply<ExchangePublished & Problem>> {
  return broker.call('POST', `${NAMESPACE}/exchanges/${exchange}/messages`, { messages, producer, ...more });
}

const messagesOf = (from: number, count: number): object[] =>
  Array.from({ length: count }, (_, nth) => ({ routing_key: `k${(from + nth) % 3}`, body: from + nth }));

const drain = (queue: string): Promise<unknown[]> => drainQueue(broker, `${NAMESPACE}/queues/${queue}`);

async function valuesOf(topic: string, partitions = 1): Promise<unknown[]> {
  const all = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => broker.fetch(topic, partition, 'offset=earliest')),
  );
  return all.flatMap(({ body }) => body.records.map(({ value }) => value));
}

const sorted = (values: unknown[]): unknown[] => (values as number[]).toSorted((a, b) => a - b);
const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, nth) => from + nth);

describe('a publish through an exchange that comes again', () => {
  it('is stored once in each destination, and gets the same answer', async () => {
    const [exchange, queue, topic] = [
      await newExchange(),
      await newQueue(),
      await newTopic({ partitions: 3 }),
    ];
    await bind(exchange, `queue/${queue}`);
    await bind(exchange, `topic/${topic}`);
    const producer = { ...(await newProducer()), sequence: 0 };
    const first = await publish(exchange, producer, messagesOf(0, 10));
    const again = await publish(exchange, producer, messagesOf(0, 10));
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual(first.body);
    expect(await drain(queue)).toEqual(upTo(10));
    expect(sorted(await valuesOf(topic, 3))).toEqual(upTo(10));
  });

  it('by keys lands in the same partitions, of which each knows its part', async () => {
    const [exchange, topic] = [await newExchange(), await newTopic({ partitions: 4 })];
    await bind(exchange, `topic/${topic}`);
    const producer = await newProducer();
    const keyed = (from: number): object[] =>
      upTo(40, from).map((n) => ({ body: n, properties: { ordering_key: `key-${n % 7}` } }));
    const replies: unknown[] = [];
    for (const sequence of [0, 40, 80]) {
      replies.push((await publish(exchange, { ...producer, sequence }, keyed(sequence))).body);
    }
    const again = await publish(exchange, { ...producer, sequence: 80 }, keyed(80));
    expect(again.body).toEqual(replies[2]);
    // One that is not the last is known too.
    expect((await publish(exchange, { ...producer, sequence: 40 }, keyed(40))).body).toEqual(replies[1]);
    expect(sorted(await valuesOf(topic, 4))).toEqual(upTo(120));
  });

  it('is completed where a queue had no room, and not doubled in the others', async () => {
    const [exchange, roomy, topic] = [await newExchange(), await newQueue(), await newTopic()];
    const full = await newQueue({ max_length: 2, overflow: 'reject-publish', dead_letter: 'none' });
    for (const to of [`queue/${full}`, `queue/${roomy}`, `topic/${topic}`]) await bind(exchange, to);
    const producer = { ...(await newProducer()), sequence: 0 };
    const first = await publish(exchange, producer, messagesOf(0, 5));
    expect([first.status, first.body.code]).toEqual([503, 'publish_incomplete']);
    expect(first.body.messages.map(({ failed }) => failed?.[0]?.code)).toEqual([
      undefined,
      undefined,
      'queue_full',
      'queue_full',
      'queue_full',
    ]);
    expect(await drain(full)).toEqual([0, 1]);
    expect((await publish(exchange, producer, messagesOf(0, 5))).status).toBe(503);
    expect(await drain(full)).toEqual([2, 3]);
    expect((await publish(exchange, producer, messagesOf(0, 5))).status).toBe(200);
    expect((await publish(exchange, producer, messagesOf(0, 5))).status).toBe(200);
    expect(await drain(full)).toEqual([4]);
    expect(await drain(roomy)).toEqual(upTo(5));
    expect(await valuesOf(topic)).toEqual(upTo(5));
  });

  it('goes to what was bound meanwhile, and not again to what keeps its binding', async () => {
    const [exchange, stays, goes, comes] = [
      await newExchange('topic'),
      await newQueue(),
      await newQueue(),
      await newQueue(),
    ];
    const topic = await newTopic();
    await bind(exchange, `queue/${stays}`, { routing_key: 'k1' });
    await bind(exchange, `topic/${topic}`, { routing_key: 'k1' });
    const leaving = await bind(exchange, `queue/${goes}`, { routing_key: '#' });
    const producer = { ...(await newProducer()), sequence: 0 };
    await publish(exchange, producer, messagesOf(0, 9));
    await unbind(exchange, leaving);
    await bind(exchange, `queue/${comes}`, { routing_key: 'k2' });
    await bind(exchange, `queue/${stays}`, { routing_key: 'k0' });
    await bind(exchange, `topic/${topic}`, { routing_key: 'k0' });
    const again = await publish(exchange, producer, messagesOf(0, 9));
    expect(again.status).toBe(200);
    expect((await publish(exchange, producer, messagesOf(0, 9))).body).toEqual(again.body);
    expect(sorted(await drain(stays))).toEqual([0, 1, 3, 4, 6, 7]);
    expect(sorted(await valuesOf(topic))).toEqual([0, 1, 3, 4, 6, 7]);
    expect(await drain(comes)).toEqual([2, 5, 8]);
    expect(await drain(goes)).toEqual(upTo(9));
    expect((await publish(exchange, { ...producer, sequence: 9 }, messagesOf(9, 3))).status).toBe(200);
    expect(await drain(comes)).toEqual([11]);
  });

  it('is known after a restart, and after objects have slept', async () => {
    const [exchange, queue, topic] = [await newExchange('topic'), await newQueue(), await newTopic()];
    await bind(exchange, `queue/${queue}`, { routing_key: 'k1' });
    await bind(exchange, `topic/${topic}`, { routing_key: 'k1' });
    const producer = await newProducer();
    const replies = [];
    for (const sequence of [0, 30]) {
      replies.push((await publish(exchange, { ...producer, sequence }, messagesOf(sequence, 30))).body);
    }
    await broker.restart();
    const again = await publish(exchange, { ...producer, sequence: 30 }, messagesOf(30, 30));
    expect(again.body).toEqual(replies[1]);
    expect((await publish(exchange, { ...producer, sequence: 0 }, messagesOf(0, 30))).body).toEqual(
      replies[0],
    );
    const expected = upTo(60).filter((n) => n % 3 === 1);
    expect(await drain(queue)).toEqual(expected);
    expect(await valuesOf(topic)).toEqual(expected);
    // The queue is empty now, and remembers all the same.
    await broker.restart();
    expect((await publish(exchange, { ...producer, sequence: 30 }, messagesOf(30, 30))).status).toBe(200);
    expect(await drain(queue)).toEqual([]);
    expect(await valuesOf(topic)).toEqual(expected);
  }, 120_000);

  it('while the first attempt is still under way is stored once', async () => {
    const [exchange, queue, topic] = [await newExchange(), await newQueue(), await newTopic()];
    await bind(exchange, `queue/${queue}`);
    await bind(exchange, `topic/${topic}`);
    const producer = { ...(await newProducer()), sequence: 0 };
    const replies = await Promise.all(upTo(5).map(() => publish(exchange, producer, messagesOf(0, 20))));
    for (const { status, body } of replies) expect([status, body]).toEqual([200, replies[0]!.body]);
    expect(await drain(queue)).toEqual(upTo(20));
    expect(await valuesOf(topic)).toEqual(upTo(20));
  });

  it('as record batches is known by their headers, and compressed ones too', async () => {
    const [exchange, queue, topic] = [await newExchange(), await newQueue(), await newTopic()];
    await bind(exchange, `queue/${queue}`);
    await bind(exchange, `topic/${topic}`);
    const { id, epoch } = await newProducer();
    const batch = (sequence: number, values: number[]): Uint8Array =>
      encodeBatch(
        values.map((value) => ({ key: null, value: bytesOf(String(value)), timestamp: 0 })),
        { producerId: id, producerEpoch: epoch, baseSequence: sequence },
      );
    const send = async (body: Uint8Array): Promise<Reply<ExchangeBatchesPublished & Problem>> =>
      await broker.call(
        'POST',
        `${NAMESPACE}/exchanges/${exchange}/messages?destinations&delivery=exactly-once`,
        body,
        { 'content-type': RECORD_BATCH_TYPE },
      );
    const body = new Uint8Array([...batch(0, [0, 1]), ...batch(2, [2, 3])]);
    const first = await send(body);
    expect([first.status, first.body.count]).toEqual([200, 4]);
    expect((await send(body)).body).toEqual(first.body);
    expect(await drain(queue)).toEqual(upTo(4));
    expect(await valuesOf(topic)).toEqual(upTo(4));
    const torn = new Uint8Array([...batch(4, [4]), ...batch(6, [6])]);
    expect((await send(torn)).body.code).toBe('invalid_batch');
  });

  it('tells again which mandatory messages nobody takes', async () => {
    const [exchange, queue] = [await newExchange('topic'), await newQueue()];
    await bind(exchange, `queue/${queue}`, { routing_key: 'k1' });
    const producer = { ...(await newProducer()), sequence: 0 };
    const messages = messagesOf(0, 3).map((message) => ({ ...message, mandatory: true }));
    const first = await publish(exchange, producer, messages);
    expect(first.body.messages.map(({ unroutable }) => unroutable)).toEqual([true, undefined, true]);
    expect((await publish(exchange, producer, messages)).body).toEqual(first.body);
  });

  it('through an exchange bound to another, and to an alternate one, is stored once', async () => {
    const [inner, alternate] = [await newExchange(), await newExchange()];
    const outer = await newExchange('direct', { alternate_exchange: alternate });
    const [queue, rest] = [await newQueue(), await newQueue()];
    await bind(outer, `exchange/${inner}`, { routing_key: 'k0' });
    await bind(outer, `queue/${queue}`, { routing_key: 'k0' });
    await bind(inner, `queue/${queue}`);
    await bind(alternate, `queue/${rest}`);
    const producer = { ...(await newProducer()), sequence: 0 };
    const first = await publish(outer, producer, messagesOf(0, 6));
    expect((await publish(outer, producer, messagesOf(0, 6))).body).toEqual(first.body);
    expect(await drain(queue)).toEqual([0, 3]);
    expect(await drain(rest)).toEqual([1, 2, 4, 5]);
  });
});

describe('sequences of a producer', () => {
  it('are counted for each exchange, and apart from those of a queue', async () => {
    const [one, other, queue, topic] = [
      await newExchange(),
      await newExchange(),
      await newQueue(),
      await newTopic(),
    ];
    for (const exchange of [one, other]) {
      await bind(exchange, `queue/${queue}`);
      await bind(exchange, `topic/${topic}`);
    }
    const producer = { ...(await newProducer()), sequence: 0 };
    expect((await publish(one, producer, [{ body: 'one' }])).status).toBe(200);
    expect((await publish(other, producer, [{ body: 'other' }])).status).toBe(200);
    const path = `${NAMESPACE}/queues/${queue}/messages`;
    expect((await broker.call('POST', path, { messages: [{ body: 'direct' }], producer })).status).toBe(200);
    expect(await drain(queue)).toEqual(['one', 'other', 'direct']);
    expect(await valuesOf(topic)).toEqual(['one', 'other']);
  });

  it('that come late are refused and not taken for a repetition', async () => {
    const [exchange, queue, topic] = [await newExchange(), await newQueue(), await newTopic()];
    await bind(exchange, `queue/${queue}`);
    await bind(exchange, `topic/${topic}`);
    const producer = await newProducer();
    expect((await publish(exchange, { ...producer, sequence: 20 }, messagesOf(20, 10))).status).toBe(200);
    const late = await publish(exchange, { ...producer, sequence: 10 }, messagesOf(10, 10));
    expect([late.status, late.body.code]).toEqual([409, 'out_of_order_sequence']);
    const shifted = await publish(exchange, { ...producer, sequence: 25 }, messagesOf(25, 10));
    expect(shifted.body.code).toBe('out_of_order_sequence');
    expect(await drain(queue)).toEqual(upTo(10, 20));
    expect(await valuesOf(topic)).toEqual(upTo(10, 20));
  });

  it('of an epoch that was replaced are refused', async () => {
    const [exchange, queue, topic] = [await newExchange(), await newQueue(), await newTopic()];
    await bind(exchange, `queue/${queue}`);
    await bind(exchange, `topic/${topic}`);
    const { id } = await newProducer();
    await publish(exchange, { id, epoch: 1, sequence: 0 }, [{ body: 1 }]);
    const old = await publish(exchange, { id, epoch: 0, sequence: 5 }, [{ body: 0 }]);
    expect([old.status, old.body.code]).toEqual([409, 'producer_fenced']);
    expect(await drain(queue)).toEqual([1]);
    expect(await valuesOf(topic)).toEqual([1]);
  });

  it('are needed for exactly once, end at 2^31, and belong to ids below 2^52', async () => {
    const exchange = await newExchange();
    const without = await publish(exchange, undefined, [{ body: 1 }], { delivery: 'exactly-once' });
    expect([without.status, without.body.code]).toEqual([400, 'invalid_field']);
    const { id, epoch } = await newProducer();
    const last = { id, epoch, sequence: 2 ** 31 - 1 };
    expect((await publish(exchange, last, [{ body: 1 }])).status).toBe(200);
    expect((await publish(exchange, last, [{ body: 1 }, { body: 2 }])).body.code).toBe('invalid_field');
    const foreign = await publish(exchange, { id: 2 ** 52, epoch, sequence: 0 }, [{ body: 1 }]);
    expect(foreign.body.code).toBe('invalid_field');
    const topic = await newTopic();
    const produced = await broker.produceBatches(
      topic,
      '0',
      encodeBatch([{ key: null, value: bytesOf('1'), timestamp: 0 }], {
        producerId: 2 ** 52 + id,
        producerEpoch: 0,
        baseSequence: 0,
      }),
    );
    expect([produced.status, (produced.body as unknown as ProblemDocument).code]).toEqual([
      400,
      'invalid_batch',
    ]);
  });
});

async function rowsOf(queue: string): Promise<number> {
  const { body } = await broker.call<QueueWithStateReply>('GET', `${NAMESPACE}/queues/${queue}`);
  return body.state.meter.rows_written;
}

describe('rows written', () => {
  it('are as many with a producer as without', async () => {
    const measure = async (isIdempotent: boolean): Promise<number[]> => {
      const [exchange, all, some, topic] = [
        await newExchange('topic'),
        await newQueue(),
        await newQueue(),
        await newTopic(),
      ];
      await bind(exchange, `queue/${all}`, { routing_key: '#' });
      await bind(exchange, `queue/${some}`, { routing_key: 'k1' });
      await bind(exchange, `topic/${topic}`, { routing_key: 'k2' });
      const rows = async (): Promise<number[]> => [
        ...(await Promise.all([all, some].map(rowsOf))),
        (await broker.state(topic, 0)).meter.rows_written,
      ];
      const producer = await newProducer();
      const send = async (sequence: number, count: number): Promise<void> => {
        const reply = await publish(
          exchange,
          isIdempotent ? { ...producer, sequence } : undefined,
          messagesOf(sequence, count),
        );
        expect(reply.status).toBe(200);
      };
      await send(0, 300); // a topic notes its first producer with a row
      const before = await rows();
      for (let request = 1; request <= 10; request++) await send(request * 300, 300);
      await drain(all);
      await drain(some);
      await send(3_300, 300);
      const after = await rows();
      return after.map((count, place) => count - before[place]!);
    };
    expect(await measure(true)).toEqual(await measure(false));
  });
});
