/** Whatever is sent: a stable code, nothing stored, and a partition that is well afterwards. */

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorTable, type ErrorCode } from '../../../protocol/errors.ts';
import { PROBLEM_TYPE, RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import { encodeBatch, gzipBatch, setProducer } from '../../../protocol/record-batch/index.ts';
import { batchOf, filler } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const TOPIC = '/v1/default/topics/victim';
const RECORDS = `${TOPIC}/records`;
const PARTITION = `${TOPIC}/partitions/0`;

let broker: TestBroker;
let endBefore: number[];

beforeAll(async () => {
  broker = await TestBroker.start();
  await broker.declare('victim', { partitions: 2 });
  await broker.declare('compacted', { cleanup_policy: 'compact' });
  await broker.produce('victim', [{ partition: 0, value: 'there' }]);
});
afterAll(() => broker.stop());

const ends = async (): Promise<number[]> =>
  Promise.all([0, 1].map(async (partition) => (await broker.state('victim', partition)).high_watermark));

beforeEach(async () => {
  endBefore = await ends();
});

/** Expects the code, that nothing was stored, and that the next good request is stored. */
async function refused(
  code: ErrorCode,
  method: string,
  path: string,
  body?: unknown,
  type?: string,
): Promise<object> {
  endBefore = await ends();
  const reply = await broker.call(method, path, body, type ? { 'content-type': type } : {});
  expect(reply.body).toMatchObject({
    code,
    status: errorTable[code].status,
    retryable: errorTable[code].retryable,
  });
  expect(reply.status).toBe(errorTable[code].status);
  expect(reply.headers.get('content-type')).toBe(PROBLEM_TYPE);
  expect(reply.body.detail.length).toBeGreaterThan(10);
  expect(await ends()).toEqual(endBefore);
  const next = await broker.produce('victim', [{ partition: 0, value: 'well' }]);
  expect(next.body.offsets[0]!.offset).toBe(endBefore[0]);
  return reply.body;
}

const json = (code: ErrorCode, body: unknown) => refused(code, 'POST', RECORDS, body);
const raw = (code: ErrorCode, bytes: Uint8Array, query = 'partitions=0') =>
  refused(code, 'POST', `${RECORDS}?${query}`, bytes, RECORD_BATCH_TYPE);

describe('addresses', () => {
  const LONG = 'x'.repeat(300);
  it.each([
    ['route_not_found', 'GET', '/v2/default/topics'],
    ['route_not_found', 'GET', '/v1/default/topics/a/b'],
    ['method_not_allowed', 'POST', TOPIC],
    ['namespace_not_found', 'GET', '/v1/elsewhere/topics'],
    ['invalid_name', 'GET', '/v1/na%20me/topics'],
    ['invalid_name', 'PUT', '/v1/default/topics/with%2Fslash'],
    ['invalid_name', 'PUT', '/v1/default/topics/%E2%9C%93'],
    ['invalid_name', 'PUT', `/v1/default/topics/${LONG}`],
    ['invalid_name', 'PUT', '/v1/default/topics/with%20space'],
    ['invalid_name', 'PUT', '/v1/default/topics/%00'],
    ['topic_not_found', 'GET', '/v1/default/topics/nowhere'],
    ['topic_not_found', 'POST', '/v1/default/topics/nowhere/records'],
    ['topic_not_found', 'GET', '/v1/default/topics/nowhere/partitions/0/records'],
    ['partition_not_found', 'GET', `${TOPIC}/partitions/2`],
    ['partition_not_found', 'GET', `${TOPIC}/partitions/-1/records`],
    ['partition_not_found', 'GET', `${TOPIC}/partitions/zero/records`],
    ['partition_not_found', 'GET', `${TOPIC}/partitions/99999999999999999999`],
    ['partition_not_found', 'DELETE', `${TOPIC}/partitions/7/records?before=1`],
  ] as const)('%s: %s %s', async (code, method, path) => {
    await refused(code, method, path);
  });

  it('takes dots inside names, and not alone', async () => {
    expect((await broker.declare('a.b.c')).status).toBe(201);
    expect((await broker.declare('x'.repeat(249))).status).toBe(201);
    await refused('route_not_found', 'PUT', '/v1/default/topics/%2e%2e');
  });
});

describe('topic definitions', () => {
  it.each([
    ['invalid_field', { partitions: 0 }],
    ['invalid_field', { partitions: 1_001 }],
    ['invalid_field', { partitions: '3' }],
    ['invalid_field', { partitions: 2.5 }],
    ['invalid_field', { retention_ms: -1 }],
    ['invalid_field', { retention_ms: 1e300 }],
    ['invalid_field', { cleanup_policy: 'shred' }],
    ['invalid_field', []],
    ['invalid_field', 'null'],
    ['unknown_field', { partition: 3 }],
    ['malformed_json', '{"partitions": 3'],
    ['malformed_json', new Uint8Array([0xff, 0xfe, 0x00])],
  ] as const)('%s: %j', async (code, body) => {
    await refused(code, 'PUT', '/v1/default/topics/never-made', body, 'application/json');
    expect((await broker.call('GET', '/v1/default/topics/never-made')).status).toBe(404);
  });

  it('does not take XML', async () => {
    await refused('unsupported_media_type', 'PUT', TOPIC, '<topic/>', 'application/xml');
  });
});

describe('produce as JSON', () => {
  it.each([
    ['malformed_json', 'not json at all'],
    ['malformed_json', ''.padEnd(100_000, '[')],
    ['invalid_field', { records: [] }],
    ['invalid_field', {}],
    ['invalid_field', { records: 'many' }],
    ['invalid_field', { records: [1] }],
    ['invalid_field', { records: [{ key: 'no value' }] }],
    ['invalid_field', { records: [{ key: 5, value: 1 }] }],
    ['invalid_field', { records: [{ key: { $base64: '@@' }, value: 1 }] }],
    ['invalid_field', { records: [{ value: { $base64: 'A' } }] }],
    ['invalid_field', { records: [{ value: { $base64: 'AAAA', more: 1 } }] }],
    ['invalid_field', { records: [{ value: 1, headers: { a: 5 } }] }],
    ['invalid_field', { records: [{ value: 1, timestamp: -5 }] }],
    ['invalid_field', { records: [{ value: 1, timestamp: 'now' }] }],
    ['invalid_field', { records: [{ value: 1, partition: -1 }] }],
    ['invalid_field', { records: [{ value: 1 }], acks: 'all' }],
    ['unknown_field', { records: [{ value: 1, topic: 'x' }] }],
    ['unknown_field', { records: [{ value: 1 }], linger: 5 }],
    ['invalid_timestamp', { records: [{ value: 1, timestamp: Date.now() + 7_200_000 }] }],
    ['partition_not_found', { records: [{ value: 1, partition: 2 }] }],
  ] as const)('%s: %j', async (code, body) => {
    await json(code, body);
  });

  it('refuses 100,000 records before looking at them', async () => {
    const body = await json('too_many_records', {
      records: Array.from({ length: 100_000 }, () => ({ nonsense: true })),
    });
    expect(body).toMatchObject({ records_max: 10_000 });
  });

  it('refuses a record of 2 MB', async () => {
    await json('record_too_large', { records: [{ value: 'small' }, { value: 'x'.repeat(2_000_000) }] });
  });

  it('refuses a request of 20 MB', async () => {
    await json('request_too_large', { records: [{ value: 'x'.repeat(20_000_000) }] });
  });

  it('refuses 20 MB that do not say how long they are', async () => {
    let sent = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if ((sent += 1_000_000) > 20_000_000) controller.close();
        else controller.enqueue(new Uint8Array(1_000_000).fill(32));
      },
    });
    const init = {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    const response = await fetch(`${broker.url}${RECORDS}`, init as RequestInit).catch(() => null);
    if (response) expect(((await response.json()) as { code: string }).code).toBe('request_too_large');
    expect(await ends()).toEqual(endBefore);
  });

  it('stores nothing of a request that is valid in part, whatever the partitions', async () => {
    const good = Array.from({ length: 50 }, (_, i) => ({ partition: i % 2, value: i }));
    for (const bad of [{ partition: 2, value: 1 }, { value: 1, extra: 1 }, { value: { $base64: '=' } }]) {
      await broker.call('POST', RECORDS, { records: [...good, bad] });
      expect(await ends()).toEqual(endBefore);
    }
  });

  it('says which record is wrong', async () => {
    const records = [{ value: 1 }, { value: 2 }, { value: 3, timestamp: 'then' }];
    expect(await json('invalid_field', { records })).toMatchObject({
      violations: [{ field: 'records[2].timestamp' }],
    });
  });

  it('wants a key where the topic is compacted', async () => {
    const compacted = '/v1/default/topics/compacted/records';
    await refused('key_required', 'POST', compacted, { records: [{ key: 'a', value: 1 }, { value: 2 }] });
    await refused(
      'key_required',
      'POST',
      compacted,
      batchOf([{ key: 'a' }, { key: null }]),
      RECORD_BATCH_TYPE,
    );
    const zipped = await gzipBatch(batchOf([{ key: 'a' }, { key: null }]));
    await refused('key_required', 'POST', compacted, zipped, RECORD_BATCH_TYPE);
    expect((await broker.state('compacted', 0)).high_watermark).toBe(0);
  });
});

describe('produce as record batches', () => {
  const good = (): Uint8Array => batchOf([{ key: 'k', value: 'v' }, { value: 'w' }]);
  const changed = (at: number, byte: number): Uint8Array => {
    const bytes = good();
    bytes[at] = byte;
    return bytes;
  };

  it('refuses an empty body', () => raw('truncated_batch', new Uint8Array()));
  it('refuses a corrupt CRC', () => raw('corrupt_batch', changed(70, 0xff)));
  it('refuses other magics', () => raw('unsupported_magic', changed(16, 1)));
  it('refuses a batch cut short', () => raw('truncated_batch', good().subarray(0, 70)));
  it('refuses bytes after the last batch', () =>
    raw('truncated_batch', new Uint8Array([...good(), 1, 2, 3])));
  it('refuses text', () => raw('truncated_batch', new TextEncoder().encode('hello')));
  it('refuses a batch above the limit', () => raw('batch_too_large', filler(1_100, 1_000)));
  it('refuses a good batch before a bad one', () =>
    raw('corrupt_batch', new Uint8Array([...good(), ...changed(75, 0xaa)])));
  it('refuses partitions that do not fit the batches', () => raw('invalid_field', good(), 'partitions=0,1'));
  it('refuses partitions that are none', () => raw('invalid_field', good(), 'partitions=0,b'));
  it('refuses to guess the partition', () => raw('invalid_field', good(), ''));
  it('refuses partitions that do not exist', () => raw('partition_not_found', good(), 'partitions=2'));
  it('refuses unknown parameters', () => raw('unknown_field', good(), 'partitions=0&linger=1'));
  it('refuses timestamps of the future', () =>
    raw('invalid_timestamp', batchOf([{ timestamp: Date.now() + 7_200_000 }])));
  it('refuses control batches', () =>
    raw(
      'invalid_batch',
      encodeBatch([{ key: new Uint8Array(4), value: new Uint8Array(6), timestamp: 1 }], { isControl: true }),
    ));
  it.each([
    { id: 7, epoch: -1, sequence: 0 },
    { id: 7, epoch: 32_767, sequence: 0 },
    { id: 7, epoch: 0, sequence: -1 },
  ])('refuses a producer that is none: %j', async (producer) => {
    const bytes = good();
    setProducer(bytes, 0, producer);
    await raw('invalid_batch', bytes);
  });
  it('refuses a gzip bomb', async () => {
    const bomb = await gzipBatch(encodeBatch([{ key: null, value: new Uint8Array(32 << 20), timestamp: 1 }]));
    expect(bomb.length).toBeLessThan(100_000);
    await raw('invalid_batch', bomb);
  });

  it('survives any damage, and stores nothing of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(), async (place, flip, cut) => {
        const bytes = new Uint8Array([...good(), ...good()]);
        const at = place % bytes.length;
        bytes[at]! ^= flip;
        const sent = cut % 5 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
        const reply = await broker.call('POST', `${RECORDS}?partitions=1`, sent, {
          'content-type': RECORD_BATCH_TYPE,
        });
        // Base offset and leader epoch are the log's to set: damage there is none, unless no offset is so large.
        const isWhole = sent.length > 0 && sent.length % good().length === 0;
        const inBatch = at % good().length;
        const isHarmless = at >= sent.length || (inBatch >= 12 && inBatch < 16);
        const expected = isHarmless ? [200] : inBatch < 8 ? [200, 400] : [400];
        expect(isWhole ? expected : [400]).toContain(reply.status);
      }),
      { numRuns: 150 },
    );
    const { body } = await broker.fetch('victim', 1);
    expect(new Set(body.records.map(({ value }) => JSON.stringify(value)))).toEqual(
      new Set(['{"$base64":"dg=="}', '{"$base64":"dw=="}'].filter(() => body.records.length > 0)),
    );
  });
});

describe('fetch', () => {
  it.each([
    ['offset_past_end', 'offset=1000000'],
    ['invalid_field', 'offset=-1'],
    ['invalid_field', 'offset=1.5'],
    ['invalid_field', 'offset=tomorrow'],
    ['invalid_field', 'offset=@yesterday'],
    ['invalid_field', 'offset=99999999999999999'],
    ['invalid_field', 'max_records=0'],
    ['invalid_field', 'max_records=10001'],
    ['invalid_field', 'max_bytes=999999999'],
    ['invalid_field', 'wait_ms=-1'],
    ['invalid_field', 'wait_ms=999999999'],
    ['unknown_field', 'count=5'],
  ] as const)('%s: %s', async (code, query) => {
    await refused(code, 'GET', `${PARTITION}/records?${query}`);
  });

  it('tells the valid range', async () => {
    const past = await refused('offset_past_end', 'GET', `${PARTITION}/records?offset=1000000`);
    expect(past).toMatchObject({ log_start_offset: 0, high_watermark: endBefore[0] });
    await broker.declare('short');
    await broker.produce('short', [{ value: 1 }, { value: 2 }, { value: 3 }]);
    await broker.call('DELETE', '/v1/default/topics/short/partitions/0/records?before=2');
    const below = await refused(
      'offset_below_start',
      'GET',
      '/v1/default/topics/short/partitions/0/records?offset=1',
    );
    expect(below).toMatchObject({ log_start_offset: 2, high_watermark: 3 });
  });

  it.each([
    ['invalid_field', ''],
    ['invalid_field', 'before=all'],
    ['offset_past_end', 'before=1000000'],
  ] as const)('delete records %s: %s', async (code, query) => {
    await refused(code, 'DELETE', `${PARTITION}/records?${query}`);
  });
});
