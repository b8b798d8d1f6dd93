/** Sequences in publishes to a queue, over HTTP. */

import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { QueueReply } from '../../../protocol/schemas/queues.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import { encodeBatch, gzipBatch } from '../../../protocol/record-batch/index.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => void (broker = await TestBroker.start({ own: 'is restarted' })));
afterAll(() => broker.stop());

let queues = 0;
async function declared(definition: object = {}): Promise<{ queue: string; topology_version: number }> {
  return (await broker.call<QueueReply>('PUT', `/v1/default/queues/q${++queues}`, definition)).body;
}

async function newQueue(definition: object = {}): Promise<string> {
  return (await declared(definition)).queue;
}

async function newProducer(): Promise<ProducerReply> {
  return (await broker.call<ProducerReply>('POST', '/v1/default/producers')).body;
}

interface Answer {
  stored: number;
  results: { outcome: string }[];
  code?: string;
  count?: number;
  exceptions?: { index: number; outcome: string }[];
}

function send(
  queue: string,
  producer: object | undefined,
  bodies: unknown[],
  more: object = {},
): Promise<Reply<Answer>> {
  const messages = bodies.map((body) => ({ body }));
  return broker.call('POST', `/v1/default/queues/${queue}/messages`, { messages, producer, ...more });
}

async function sendRaw(
  queue: string,
  bytes: Uint8Array,
  query = '',
): Promise<{ status: number; body: Answer }> {
  const response = await fetch(`${broker.url}/v1/default/queues/${queue}/messages${query}`, {
    method: 'POST',
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: bytes as Uint8Array<ArrayBuffer>,
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

function batch(
  producer: ProducerReply | null,
  sequence: number,
  bodies: string[],
  isTransactional = false,
): Uint8Array {
  const records = bodies.map((body) => ({ key: null, value: bytesOf(body), timestamp: 1_000 }));
  if (producer === null) return encodeBatch(records);
  const { id: producerId, epoch: producerEpoch } = producer;
  return encodeBatch(records, { producerId, producerEpoch, baseSequence: sequence, isTransactional });
}

async function bodiesOf(queue: string): Promise<unknown[]> {
  const path = `/v1/default/queues/${queue}/messages?max=1000`;
  const { body } = await broker.call<{ messages: { body: unknown }[] }>('GET', path);
  return body.messages.map((message) => message.body);
}

describe('a publish with a producer', () => {
  it('is stored once, and a repetition has the same answer, also after a restart', async () => {
    const queue = await newQueue();
    const { id, epoch } = await newProducer();
    const producer = { id, epoch, sequence: 0 };
    const first = await send(queue, producer, ['a', 'b'], { delivery: 'exactly-once' });
    expect(first.body).toEqual({ stored: 2, results: [{ outcome: 'stored' }, { outcome: 'stored' }] });
    expect(await send(queue, producer, ['a', 'b'])).toMatchObject({ status: 200, body: first.body });
    await broker.restart();
    expect((await send(queue, producer, ['a', 'b'])).body).toEqual(first.body);
    expect((await send(queue, { ...producer, sequence: 2 }, ['c'])).status).toBe(200);
    expect(await bodiesOf(queue)).toEqual(['a', 'b', 'c']);
  });

  it('is known after its messages were taken and the object was evicted', async () => {
    const { queue, topology_version: version } = await declared();
    const { id, epoch } = await newProducer();
    for (let sequence = 0; sequence < 4; sequence++) {
      await send(queue, { id, epoch, sequence }, [sequence]);
      await broker.call('POST', `/v1/default/queues/${queue}/deliveries`, { max: 10, auto_ack: true });
      await broker.evictQueue(queue, version);
      expect((await send(queue, { id, epoch, sequence }, [sequence])).body.stored).toBe(1);
      expect(await bodiesOf(queue)).toEqual([]);
    }
  });

  it('is stored once when its copies arrive together, and pipelined ones in order', async () => {
    const queue = await newQueue();
    const { id, epoch } = await newProducer();
    const copies = Array.from({ length: 20 }, () => send(queue, { id, epoch, sequence: 0 }, ['once']));
    const statuses = new Set((await Promise.all(copies)).map(({ status }) => status));
    expect(statuses).toEqual(new Set([200]));
    expect(await bodiesOf(queue)).toEqual(['once']);
    const sequences = Array.from({ length: 5 }, (_, at) => at + 1);
    const left = new Set(sequences);
    while (left.size > 0) {
      const sent = [...left].map(async (sequence) => {
        const { status, body } = await send(queue, { id, epoch, sequence }, [sequence]);
        if (status === 200) left.delete(sequence);
        else expect(body.code).toBe('out_of_order_sequence');
      });
      await Promise.all(sent);
    }
    expect(await bodiesOf(queue)).toEqual(['once', ...sequences]);
  });

  it('is refused after a gap, of an epoch that was replaced, and from one that is unknown', async () => {
    const queue = await newQueue();
    const { id } = await newProducer();
    const codes = [];
    for (const [epoch, sequence] of [
      [0, 1],
      [0, 0],
      [0, 2],
      [2, 0],
      [1, 0],
      [0, 1],
    ] as const) {
      const { status, body } = await send(queue, { id, epoch, sequence }, [epoch]);
      codes.push(status === 200 ? null : `${status} ${body.code}`);
    }
    expect(codes).toEqual([
      '409 unknown_producer',
      null,
      '409 out_of_order_sequence',
      null,
      '409 producer_fenced',
      '409 producer_fenced',
    ]);
    expect(await bodiesOf(queue)).toEqual([0, 2]);
  });

  it('that a full queue refuses whole can be sent again; one that it took in part has the same answer', async () => {
    const queue = await newQueue({ max_length: 3, overflow: 'reject-publish', dead_letter: 'none' });
    const { id, epoch } = await newProducer();
    const partly = await send(queue, { id, epoch, sequence: 0 }, [0, 1, 2, 3]);
    expect(partly.body.results.map(({ outcome }) => outcome)).toEqual([
      'stored',
      'stored',
      'stored',
      'rejected',
    ]);
    expect(await send(queue, { id, epoch, sequence: 4 }, [4])).toMatchObject({
      body: { code: 'queue_full' },
    });
    await broker.call('POST', `/v1/default/queues/${queue}/purge`);
    expect((await send(queue, { id, epoch, sequence: 0 }, [0, 1, 2, 3])).body).toEqual(partly.body);
    expect((await send(queue, { id, epoch, sequence: 4 }, [4])).body.stored).toBe(1);
    expect(await bodiesOf(queue)).toEqual([4]);
  });

  it('as record batches is known by their headers, compressed or not', async () => {
    const queue = await newQueue();
    const producer = await newProducer();
    const two = Buffer.concat([batch(producer, 0, ['a', 'b']), batch(producer, 2, ['c'])]);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await sendRaw(queue, two, '?delivery=exactly-once')).toEqual({
        status: 200,
        body: { count: 3, exceptions: [] },
      });
    }
    const gzipped = await gzipBatch(batch(producer, 3, ['d'.repeat(500), 'e'.repeat(500)]));
    expect(gzipped.length).toBeLessThan(gzipSync('').length + 200);
    for (let attempt = 0; attempt < 2; attempt++) expect((await sendRaw(queue, gzipped)).status).toBe(200);
    expect(await bodiesOf(queue)).toHaveLength(5);
  });
});

describe('bad input', () => {
  it('changes nothing, and is told what is wrong', async () => {
    const queue = await newQueue();
    const producer = await newProducer();
    const { id, epoch } = producer;
    const other = await newProducer();
    const joined = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);
    const raw: [string, Uint8Array, string?][] = [
      ['invalid_batch', batch(producer, 0, ['a'], true)],
      ['invalid_batch', joined(batch(producer, 0, ['a']), batch(null, 0, ['b']))],
      ['invalid_batch', joined(batch(producer, 0, ['a']), batch(other, 1, ['b']))],
      ['invalid_batch', joined(batch(producer, 0, ['a']), batch(producer, 2, ['b']))],
      ['invalid_batch', joined(batch(producer, 0, ['a']), batch({ id, epoch: 1 }, 1, ['b']))],
      ['invalid_batch', batch({ id, epoch: -1 }, 0, ['b'])],
      ['invalid_batch', batch(producer, -1, ['b'])],
      ['invalid_field', batch(null, 0, ['a']), '?delivery=exactly-once'],
      ['invalid_field', batch(null, 0, ['a']), '?delivery=at-most-once'],
    ];
    for (const [code, bytes, query] of raw) {
      expect(await sendRaw(queue, bytes, query)).toMatchObject({ status: 400, body: { code } });
    }
    for (const fields of [
      { producer: { id, epoch } },
      { producer: { id, epoch, sequence: -1 } },
      { producer: { id, epoch, sequence: 2 ** 31 } },
      { producer: { id, epoch: 2 ** 15, sequence: 0 } },
      { delivery: 'exactly-once' },
      { delivery: 'sometimes' },
    ]) {
      const { status, body } = await send(queue, undefined, ['x'], fields);
      expect([status, body.code], JSON.stringify(fields)).toEqual([400, 'invalid_field']);
    }
    const inTransaction = { id, epoch, sequence: 0, transactional_id: 'tx' };
    expect((await send(queue, inTransaction, ['x'])).body.code).toBe('unknown_field');
    expect(await bodiesOf(queue)).toEqual([]);
    expect((await send(queue, { id, epoch, sequence: 0 }, ['x'])).body.stored).toBe(1);
  });
});
