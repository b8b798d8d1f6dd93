/** Replies to many readers at once: together they hold no more than one isolate may, and nobody is left without. */

import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const RECORDS = 9;
const VALUE = 'x'.repeat(900_000);
const EVERYTHING = 8_388_608;

/** More than the buffers of connections take of it. */
const STUCK = 3;

interface Page {
  records: { offset: number }[];
  next_offset: number;
}

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its memory is filled' });
  await broker.declare('large', { partitions: 1 });
  for (let sent = 0; sent < RECORDS; sent++)
    await broker.call('POST', '/v1/default/topics/large/records', { records: [{ value: VALUE }] });
});
afterAll(() => broker.stop());

const path = (offset: number, maxBytes: number): string =>
  `/v1/default/topics/large/partitions/0/records?offset=${offset}&max_bytes=${maxBytes}`;

// On a connection of its own: to read this much keeps a busy machine for longer than the broker keeps an idle one.
const read = (offset: number, maxBytes = EVERYTHING) =>
  broker.call<Page>('GET', path(offset, maxBytes), undefined, { connection: 'close' });

/** A client that has asked for everything and takes nothing of it. It leaves when it is told to. */
async function stuckReader(): Promise<() => Promise<void>> {
  const { promise, resolve, reject } = Promise.withResolvers<() => Promise<void>>();
  const sent = get(broker.url + path(0, EVERYTHING), (response) => {
    response.pause();
    const closed = new Promise<void>((done) => sent.on('close', done));
    resolve(async () => {
      sent.destroy();
      await closed;
    });
  });
  sent.on('error', reject);
  return await promise;
}

describe('many readers at once', () => {
  it('all read everything, some of them in shorter replies', async () => {
    const lengths: number[] = [];
    const readAll = async (): Promise<number> => {
      let offset = 0;
      while (offset < RECORDS) {
        const { status, body } = await read(offset);
        expect([status, body.records[0]!.offset]).toEqual([200, offset]);
        lengths.push(body.records.length);
        offset = body.next_offset;
      }
      return offset;
    };
    const ends = await Promise.all(Array.from({ length: 12 }, readAll));
    expect(new Set(ends)).toEqual(new Set([RECORDS]));
    expect(Math.max(...lengths)).toBe(RECORDS);
    expect(Math.min(...lengths)).toBeLessThan(RECORDS);
  });

  it('do not wait for those that take nothing, and have the room of those that leave', async () => {
    const readers = await Promise.all(Array.from({ length: STUCK }, stuckReader));
    const { status, body } = await read(0, 1);
    expect([status, body.records.length]).toEqual([200, 1]);
    await Promise.all(readers.map((leave) => leave()));
    while ((await read(0)).body.records.length < RECORDS); // the broker learns of it when it sends the next piece
  });
});

it('says how long a large reply of record batches is', async () => {
  const response = await fetch(broker.url + path(0, EVERYTHING), { headers: { accept: RECORD_BATCH_TYPE } });
  const bytes = await response.arrayBuffer();
  expect(bytes.byteLength).toBeGreaterThan(900_000);
  expect(response.headers.get('content-length')).toBe(String(bytes.byteLength));
});
