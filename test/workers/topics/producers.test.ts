import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import type { ProduceReply } from '../../../protocol/schemas/records.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(
  async () => void (broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' })),
);
afterAll(() => broker.stop());

let topics = 0;
async function newTopic(declaration: object = {}): Promise<string> {
  const name = `t${++topics}`;
  await broker.declare(name, declaration);
  return name;
}

async function newProducer(): Promise<ProducerReply> {
  return (await broker.call<ProducerReply>('POST', '/v1/default/producers')).body;
}

function send<Body = ProduceReply>(
  topic: string,
  producer: object | undefined,
  values: unknown[],
  more: object = {},
): Promise<Reply<Body>> {
  const records = values.map((value) => ({ value, partition: 0 }));
  return broker.call('POST', `/v1/default/topics/${topic}/records`, { records, producer, ...more });
}

async function values(topic: string): Promise<unknown[]> {
  return (await broker.fetch(topic, 0)).body.records.map(({ value }) => value);
}

function raw(producer: { id: number; epoch: number }, sequence: number, count = 1): Uint8Array {
  const records = Array.from({ length: count }, (_, i) => ({
    key: null,
    value: bytesOf(String(sequence + i)),
    timestamp: 1_000,
  }));
  return encodeBatch(records, {
    producerId: producer.id,
    producerEpoch: producer.epoch,
    baseSequence: sequence,
  });
}

describe('producer ids', () => {
  it('are unique, also across a restart', async () => {
    const before = await Promise.all(Array.from({ length: 20 }, newProducer));
    await broker.restart();
    const after = await Promise.all(Array.from({ length: 5 }, newProducer));
    const ids = [...before, ...after].map(({ id }) => id);
    expect(new Set(ids).size).toBe(25);
    expect(before.every(({ epoch }) => epoch === 0)).toBe(true);
  });
});

describe('a produce with a producer', () => {
  it('is stored once, and a repetition is answered with the same offsets', async () => {
    const topic = await newTopic();
    await send(topic, undefined, ['before']);
    const { id } = await newProducer();
    const producer = { id, epoch: 0, sequence: 0 };
    const first = await send(topic, producer, ['a', 'b']);
    expect(first.body.offsets.map(({ offset }) => offset)).toEqual([1, 2]);
    const again = await send(topic, producer, ['a', 'b']);
    expect(again.status).toBe(200);
    expect(again.body.offsets.map(({ offset }) => offset)).toEqual([1, 2]);
    expect(await values(topic)).toEqual(['before', 'a', 'b']);
  });

  it('is stored once when its copies arrive together', async () => {
    const topic = await newTopic();
    const { id } = await newProducer();
    const copies = Array.from({ length: 20 }, () => send(topic, { id, epoch: 0, sequence: 0 }, ['once']));
    const offsets = (await Promise.all(copies)).map(({ body }) => body.offsets[0]!.offset);
    expect(new Set(offsets)).toEqual(new Set([0]));
    expect(await values(topic)).toEqual(['once']);
  });

  it('is known after an eviction and after a restart', async () => {
    const topic = await newTopic();
    const { id } = await newProducer();
    await send(topic, { id, epoch: 0, sequence: 0 }, ['a']);
    await send(topic, { id, epoch: 0, sequence: 1 }, ['b']);
    await broker.evict(topic, 0);
    expect((await send(topic, { id, epoch: 0, sequence: 1 }, ['b'])).body.offsets[0]!.offset).toBe(1);
    await broker.restart();
    expect((await send(topic, { id, epoch: 0, sequence: 0 }, ['a'])).body.offsets[0]!.offset).toBe(0);
    expect((await send(topic, { id, epoch: 0, sequence: 2 }, ['c'])).body.offsets[0]!.offset).toBe(2);
    expect(await values(topic)).toEqual(['a', 'b', 'c']);
  });

  it('keeps the timestamp of the log in a repetition', async () => {
    const topic = await newTopic({ timestamp_type: 'append' });
    const { id } = await newProducer();
    const first = await send(topic, { id, epoch: 0, sequence: 0 }, ['a']);
    await broker.advance(5_000);
    expect((await send(topic, { id, epoch: 0, sequence: 0 }, ['a'])).body).toEqual(first.body);
  });

  it.each([
    { name: 'a gap', next: { epoch: 1, sequence: 2 }, status: 409, code: 'out_of_order_sequence' },
    { name: 'an older epoch', next: { epoch: 0, sequence: 1 }, status: 409, code: 'producer_fenced' },
    {
      name: 'an epoch that does not begin at 0',
      next: { epoch: 2, sequence: 1 },
      status: 409,
      code: 'out_of_order_sequence',
    },
    {
      name: 'an unknown producer',
      next: { epoch: 1, sequence: 1, id: 2 ** 40 },
      status: 409,
      code: 'unknown_producer',
    },
  ])('is refused with $name, and stores nothing', async ({ next, status, code }) => {
    const topic = await newTopic();
    const { id } = await newProducer();
    await send(topic, { id, epoch: 1, sequence: 0 }, ['a']);
    const refused = await send<{ code: string; partition: number }>(topic, { id, ...next }, ['b']);
    expect(refused).toMatchObject({ status, body: { code, partition: 0 } });
    expect(await values(topic)).toEqual(['a']);
  });

  it('is forgotten after seven idle days', async () => {
    const topic = await newTopic();
    const { id } = await newProducer();
    await send(topic, { id, epoch: 0, sequence: 0 }, ['a']);
    await broker.advance(7 * 86_400_000 + 1);
    const late = await send<{ code: string }>(topic, { id, epoch: 0, sequence: 1 }, ['b']);
    expect(late.body.code).toBe('unknown_producer');
    expect((await send(topic, { id, epoch: 1, sequence: 0 }, ['b'])).status).toBe(200);
  });

  it('costs no row more than one without, but for the first of the partition', async () => {
    const rowsOf = async (isIdempotent: boolean): Promise<number> => {
      const topic = await newTopic();
      const { id } = await newProducer();
      const batch = (n: number): Promise<unknown> =>
        send(topic, isIdempotent ? { id, epoch: 0, sequence: n } : undefined, ['x']);
      await batch(0);
      const before = (await broker.state(topic, 0)).meter.rows_written;
      for (let n = 1; n <= 50; n++) await batch(n);
      return (await broker.state(topic, 0)).meter.rows_written - before;
    };
    expect(await rowsOf(true)).toBe(await rowsOf(false));
  });

  it.each([
    { name: 'no key and no partition', body: { records: [{ value: 1 }] }, says: 'has a key or names' },
    {
      name: 'records of two partitions',
      body: {
        records: [
          { value: 1, partition: 0 },
          { value: 2, partition: 1 },
        ],
      },
      says: 'counts the records of one partition',
    },
    {
      name: 'acks none',
      body: { records: [{ value: 1, partition: 0 }], acks: 'none' },
      says: 'needs "durable"',
    },
    {
      name: 'at-most-once',
      body: { records: [{ value: 1, partition: 0 }], delivery: 'at-most-once' },
      says: 'needs "durable"',
    },
  ])('is refused with $name', async ({ body, says }) => {
    const topic = await newTopic({ partitions: 2 });
    const producer = { id: (await newProducer()).id, epoch: 0, sequence: 0 };
    const reply = await broker.call('POST', `/v1/default/topics/${topic}/records`, { ...body, producer });
    expect(reply).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
    expect(reply.body.detail).toContain(says);
    expect((await broker.state(topic, 0)).high_watermark).toBe(0);
  });
});

describe('record batches of a producer', () => {
  it('are stored once, with their producer in the header', async () => {
    const topic = await newTopic({ partitions: 2 });
    const producer = await newProducer();
    const bytes = (): Uint8Array => new Uint8Array([...raw(producer, 0, 2), ...raw(producer, 0, 3)]);
    const first = await broker.produceBatches(topic, '0,1', bytes());
    const again = await broker.produceBatches(topic, '0,1', bytes());
    expect(again.body).toEqual(first.body);
    const next = await broker.produceBatches(topic, '1', raw(producer, 3));
    expect(next.body.batches[0]!.base_offset).toBe(3);
    expect((await broker.state(topic, 0)).high_watermark).toBe(2);
  });

  it('that are half new are completed', async () => {
    const topic = await newTopic();
    const producer = await newProducer();
    await broker.produceBatches(topic, '0', raw(producer, 0, 2));
    const both = new Uint8Array([...raw(producer, 0, 2), ...raw(producer, 2, 1)]);
    const reply = await broker.produceBatches(topic, '0', both);
    expect(reply.body.batches.map(({ base_offset }) => base_offset)).toEqual([0, 2]);
    expect((await broker.state(topic, 0)).high_watermark).toBe(3);
  });

  it('without an id may have an epoch and a sequence, which kafkajs sets to 0', async () => {
    const topic = await newTopic();
    const options = { producerId: -1, producerEpoch: 0, baseSequence: 0 };
    const bytes = encodeBatch([{ key: null, value: null, timestamp: 1_000 }], options);
    for (const baseOffset of [0, 1]) {
      const { body } = await broker.produceBatches(topic, '0', bytes);
      expect(body.batches[0]!.base_offset).toBe(baseOffset);
    }
  });

  it.each([
    { name: 'an id without a sequence', options: { producerId: 1, producerEpoch: 0 } },
    { name: 'an id without an epoch', options: { producerId: 1, baseSequence: 0 } },
    {
      name: 'the transactional bit alone',
      options: { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true },
    },
    {
      name: 'the control bit',
      options: { producerId: 1, producerEpoch: 0, baseSequence: 0, isControl: true },
    },
  ])('are refused with $name', async ({ options }) => {
    const topic = await newTopic();
    const bytes = encodeBatch([{ key: null, value: null, timestamp: 1_000 }], options);
    expect(await broker.produceBatches(topic, '0', bytes)).toMatchObject({
      status: 400,
      body: { code: 'invalid_batch' },
    });
  });
});

describe('levels by name', () => {
  it('are taken for what they come down to', async () => {
    const topic = await newTopic();
    expect((await send(topic, undefined, ['a'], { delivery: 'at-least-once' })).status).toBe(200);
    expect((await send(topic, undefined, ['b'], { delivery: 'at-most-once' })).status).toBe(202);
    const bare = await send<{ code: string }>(topic, undefined, ['c'], { delivery: 'exactly-once' });
    expect(bare).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
    const { id } = await newProducer();
    const once = await send(topic, { id, epoch: 0, sequence: 0 }, ['d'], { delivery: 'exactly-once' });
    expect(once.status).toBe(200);
    const both = await send(topic, undefined, ['e'], { delivery: 'at-least-once', acks: 'none' });
    expect(both.status).toBe(400);
  });
});
