/** Paths of the broker whose processor time is measured: each is one call, repeated on some connections. */

import { decodeDeliveryFrame } from '../../protocol/frames/delivery-frame.ts';
import { formatTag } from '../../protocol/frames/delivery-tag.ts';
import { DELIVERIES_TYPE, RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import { BATCH_RECORDS, batchOfRecords } from '../log/log.ts';
import type { Client } from '../runtime/client.ts';

const TOPIC = '/v1/default/topics/bench';
const AS_JSON = { 'content-type': 'application/json' };
const AS_BATCHES = { 'content-type': RECORD_BATCH_TYPE, accept: RECORD_BATCH_TYPE };
const FETCH_BYTES = 1 << 20;
const BODY = 'abcdefghij'.repeat(10);

export interface Path {
  /** Calls under way at once. */
  atOnce: number;
  /** Calls of one slice. */
  calls: number;
  /** Makes what the calls need, before they are measured. Default: nothing. */
  prepare?: (client: Client) => Promise<void>;
  call: (client: Client, index: number) => Promise<unknown>;
}

/** By name, in the order in which they run. */
export const paths: Record<string, Path> = {
  'nothing, /healthz': {
    atOnce: 128,
    calls: 2_000,
    call: (client) => client.send('GET', '/healthz'),
  },
  'produce 1,000': {
    atOnce: 8,
    calls: 200,
    call: (client) => client.send('POST', `${TOPIC}/records?partitions=0`, batch, AS_BATCHES),
  },
  'fetch 1 MiB': {
    atOnce: 1,
    calls: 100,
    prepare: fill,
    call: (client, index) =>
      client.send(
        'GET',
        `${TOPIC}/partitions/0/records?offset=${(index % 100) * 9 * BATCH_RECORDS}&max_bytes=${FETCH_BYTES}`,
        undefined,
        AS_BATCHES,
      ),
  },
  'produce one, JSON': {
    atOnce: 128,
    calls: 1_000,
    call: (client) => client.send('POST', `${TOPIC}/records`, ONE_RECORD, AS_JSON),
  },
  'publish one, JSON': {
    atOnce: 128,
    calls: 1_000,
    call: (client) => client.send('POST', `${queueOf('json')}/messages`, ONE_MESSAGE, AS_JSON),
  },
  'publish one, awaited': publishing(1, 300, 1),
  ...queuePaths(1, 1_000, 128),
  ...queuePaths(100, 400, 8),
  ...queuePaths(1_000, 100, 4),
};

/** What all paths need: a topic, and a queue for each way to use one. */
export async function declare(client: Client): Promise<void> {
  await client.send('PUT', TOPIC, '{"partitions":1}', AS_JSON);
  for (const name of ['json', '1', '100', '1000'])
    await client.send('PUT', queueOf(name), '{"max_length":100000000,"lease_ms":600000}', AS_JSON);
}

const queueOf = (name: string | number): string => `/v1/default/queues/bench-${name}`;
const batch = batchOfRecords();
const ONE_RECORD = JSON.stringify({ records: [{ value: BODY }] });
const ONE_MESSAGE = JSON.stringify({ messages: [{ body: BODY }] });

async function fill(client: Client): Promise<void> {
  for (let stored = 0; stored < FILLED_BATCHES; stored += 100) {
    const calls = Array.from({ length: 100 }, () =>
      client.send('POST', `${TOPIC}/records?partitions=0`, batch, AS_BATCHES),
    );
    await Promise.all(calls);
  }
}

const FILLED_BATCHES = 1_000;

function publishing(size: number, calls: number, atOnce: number): Path {
  const messages = batchOfMessages(size);
  const call: Path['call'] = (client) =>
    client.send('POST', `${queueOf(size)}/messages`, messages, { 'content-type': RECORD_BATCH_TYPE });
  return { atOnce, calls, call };
}

function queuePaths(size: number, calls: number, atOnce: number): Record<string, Path> {
  const publish = publishing(size, calls, atOnce);
  return {
    [`publish ${size}`]: publish,
    // What the publishes before it have left is there to be taken.
    [`deliver and ack ${size}`]: { atOnce, calls, call: (client) => takeAndAck(client, size) },
  };
}

async function takeAndAck(client: Client, max: number): Promise<void> {
  const { body } = await client.send('POST', `${queueOf(max)}/deliveries`, JSON.stringify({ max }), {
    accept: DELIVERIES_TYPE,
  });
  const { queueId, sections } = decodeDeliveryFrame(body);
  const ack = sections.flatMap(({ lane, runs }) =>
    runs.flatMap(({ start, end, delivery }) =>
      Array.from({ length: end - start }, (_, i) =>
        formatTag({ queueId, lane, offset: start + i, delivery }),
      ),
    ),
  );
  if (ack.length !== max) throw new Error(`${ack.length} messages were delivered, not ${max}`);
  await client.send('POST', `${queueOf(max)}/settlements`, JSON.stringify({ ack }));
}

function batchOfMessages(count: number): Uint8Array {
  const value = new TextEncoder().encode(BODY);
  const timestamp = Date.now();
  return encodeBatch(Array.from({ length: count }, () => ({ key: null, value, timestamp })));
}
