/**
 * Headers of the broker, and odd names, in record batches that a client made: refused or left out, or else without effect on
 * what a queue, its dead letters and a share group do with the message.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { PROPERTY_HEADERS } from '../../../protocol/headers/message-headers.ts';
import { encodeBatch, gzipBatch, type RecordHeader } from '../../../protocol/record-batch/index.ts';
import type { AcquiredRecord } from '../../../protocol/schemas/share-groups.ts';
import { bytesOf } from '../../support/batches.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start();
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

/** What the broker writes itself, and names that it may write one day. */
const BROKERS_OWN = [
  ':exchange',
  ':deliveries',
  ':failures',
  ':attempts',
  ':death',
  ':deaths',
  ':death-queue',
  ':death-reason',
  ':hops',
  ':',
  ':of-the-future',
];

const VALUES: (Uint8Array | null)[] = [
  null,
  ...['', '{', 'null', '[null]', '{"at":"x"}', '-1', '1e999', '3'].map(bytesOf),
  new Uint8Array([0xff, 0xfe, 0]),
];

/** Names that mean something to JavaScript, and none at all. */
const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''];

const batchOf = (headers: readonly RecordHeader[], value = '"hostile"'): Uint8Array =>
  encodeBatch([{ key: null, value: bytesOf(value), timestamp: 1_000, headers: [...headers] }]);

const post = (path: string, batch: Uint8Array): Promise<Reply<ProblemDocument>> =>
  broker.call('POST', `/v1/default${path}`, batch, { 'content-type': RECORD_BATCH_TYPE });

/** Not by a clock put forward: what waits for an alarm then would wait for as long again. */
const takeOnce = (queue: string): ReturnType<QueueClient['take']> =>
  queues.until(
    () => queues.take(queue),
    (deliveries) => deliveries.length === 1,
  );

/** A retry, a dead letter, a list, a replay, another death, a purge: all that is done with a message. */
async function liveAndDie(queue: string): Promise<void> {
  const [first] = await takeOnce(queue);
  expect(await queues.settle(queue, { nack: [{ tag: first!.delivery_tag, error: { type: 'E' } }] })).toEqual([
    'parked',
  ]);
  const [second] = await takeOnce(queue);
  expect(second).toMatchObject({ delivery_count: 2, redelivered: true });
  expect(await queues.settle(queue, { reject: [{ tag: second!.delivery_tag }] })).toEqual(['dead_lettered']);
  const [letter] = await queues.deadLettersOnce(queue, 1, 'original_queue=' + queue);
  expect(letter!.metadata).toMatchObject({ original_queue: queue, reason: 'rejected', hops: 1 });
  expect(letter!.metadata.history).toMatchObject([{ queue, reason: 'rejected', count: 1 }]);
  await broker.call('POST', `/v1/default/queues/${queue}/dead-letters/replay`, {});
  const [again] = await takeOnce(queue);
  expect(await queues.settle(queue, { ack: tagsOf([again!]) })).toEqual(['settled']);
  expect(await queues.state(queue)).toMatchObject({ ready: 0, leased: 0, parked: 0, outgoing: 0 });
}

const RETRY = { retry: { schedule_ms: [20, 20] } };

describe('a record batch to a queue', () => {
  it.each([...BROKERS_OWN, ':routing-key'])(
    'with the header "%s" is refused, whatever it says',
    async (key) => {
      await queues.declare('refusing');
      for (const value of VALUES) {
        const batch = batchOf([{ key, value }]);
        for (const bytes of [batch, await gzipBatch(batch)]) {
          const { status, body } = await post('/queues/refusing/messages', bytes);
          expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_message' });
        }
      }
      expect(await queues.state('refusing')).toMatchObject({ ready: 0, parked: 0 });
    },
  );

  it.each(Object.values(PROPERTY_HEADERS))(
    'with the property "%s" is refused, or is a message like any other',
    async (key) => {
      const queue = `property-${key.slice(1)}`;
      await queues.declare(queue, { ...RETRY, max_priority: 9 });
      for (const value of VALUES) {
        const { status, body } = await post(
          `/queues/${queue}/messages`,
          batchOf([
            { key, value },
            { key, value },
          ]),
        );
        if (status === 400) {
          expect(body.code).toBe('invalid_message');
          continue;
        }
        expect(status).toBe(200);
        if (key === ':expiration-ms') {
          await queues.until(
            () => queues.state(queue),
            ({ ready }) => ready === 0,
          );
          continue;
        }
        await liveAndDie(queue);
      }
    },
  );
});

describe('a record batch to an exchange', () => {
  it.each(BROKERS_OWN)('with the header "%s" goes without it', async (key) => {
    const queue = `routed-${BROKERS_OWN.indexOf(key)}`;
    await queues.declare(queue, RETRY);
    for (const value of VALUES) {
      const headers = [
        { key, value },
        { key: ':routing-key', value: bytesOf(queue) },
      ];
      expect((await post('/exchanges/amq.default/messages', batchOf(headers))).status).toBe(200);
    }
    const taken = await queues.take(queue);
    expect(taken).toHaveLength(VALUES.length);
    for (const delivery of taken) {
      expect(delivery).toMatchObject({ delivery_count: 1, redelivered: false, routing_key: queue });
      expect(delivery).not.toHaveProperty('dead_letter');
    }
    await queues.settle(queue, { ack: tagsOf(taken) });
    await post(
      '/exchanges/amq.default/messages',
      batchOf([
        { key, value: bytesOf('{') },
        { key: ':routing-key', value: bytesOf(queue) },
      ]),
    );
    await liveAndDie(queue);
  });
});

describe('a message with headers of odd names', () => {
  it('is dead-lettered through an exchange like any other', async () => {
    await broker.call('PUT', '/v1/default/exchanges/odd-x', { type: 'headers' });
    await queues.declare('odd-dead');
    const destination = { kind: 'queue', name: 'odd-dead' };
    await broker.call('POST', '/v1/default/exchanges/odd-x/bindings', {
      destination,
      arguments: { 'x-match': 'any', sign: 'yes' },
    });
    await queues.declare('odd', { dead_letter: { exchange: 'odd-x' } });
    for (const key of ODD_NAMES) {
      for (const value of [null, bytesOf('x'), new Uint8Array([0xff])]) {
        const headers = [
          { key, value },
          { key: 'sign', value: bytesOf('yes') },
        ];
        expect((await post('/queues/odd/messages', batchOf(headers))).status).toBe(200);
      }
    }
    const count = ODD_NAMES.length * 3;
    const taken = await queues.take('odd');
    expect(taken).toHaveLength(count);
    await queues.settle('odd', { reject: taken.map(({ delivery_tag: tag }) => ({ tag })) });
    await queues.deadLettersOnce('odd-dead', count, 'self=true');
    expect(await queues.state('odd')).toMatchObject({ outgoing: 0 });
  });
});

describe('records of a topic', () => {
  it('may have any headers: their dead letters from a share group have none of them', async () => {
    await broker.declare('hostile-topic');
    await queues.declare('share-dead');
    const share = '/v1/default/share-groups/hostile';
    const config = {
      topics: ['hostile-topic'],
      dead_letter: { queue: 'share-dead' },
      start: 'earliest',
    };
    expect((await broker.call('PUT', share, config)).status).toBeLessThan(300);
    const batches = [...BROKERS_OWN, ...ODD_NAMES, ...Object.values(PROPERTY_HEADERS)].flatMap((key) =>
      VALUES.map((value) => batchOf([{ key, value }])),
    );
    for (const batch of batches)
      expect((await broker.produceBatches('hostile-topic', '0', batch)).status).toBe(200);
    let rejected = 0;
    while (rejected < batches.length) {
      const { body } = await broker.call<{ records: AcquiredRecord[] }>('POST', `${share}/records`, {
        member_id: 'm',
      });
      const reject = body.records.map(({ acquisition_tag: tag }) => tag);
      expect(reject.length).toBeGreaterThan(0);
      const settled = await broker.call('POST', `${share}/acknowledgements`, { reject });
      expect(settled.status).toBe(200);
      rejected += reject.length;
    }
    const letters = await queues.deadLettersOnce('share-dead', batches.length, 'self=true&limit=500');
    for (const { metadata } of letters) {
      expect(metadata).toMatchObject({ original_queue: 'hostile', reason: 'rejected' });
      expect(metadata.history).toHaveLength(1);
    }
  });
});
