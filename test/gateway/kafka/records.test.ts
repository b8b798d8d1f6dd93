/** Producing and fetching with kafkajs, unmodified, and with raw requests. */

import { CompressionTypes } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { encodeBatch, recordsIn } from '../../../protocol/record-batch/index.ts';
import { sealBatch } from '../../../protocol/record-batch/header.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { CODECS, compressedBatch } from '../../support/compressed-batch.ts';
import { type KafkaBroker, kafkaForTests, newName } from './support/support.ts';
import { RawClient } from './support/raw-client.ts';

let kafka: KafkaBroker;
kafkaForTests((started) => (kafka = started));

const batchOf = (...values: string[]): Uint8Array =>
  encodeBatch(
    values.map((value) => ({ key: null, value: new TextEncoder().encode(value), timestamp: Date.now() })),
  );

interface FetchedPartition {
  partitionIndex: number;
  errorCode: number;
  highWatermark: number;
  records: Uint8Array;
}

function fetchBody(topic: string, offset: number, more: object = {}): object {
  const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }];
  return { maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, topics: [{ topic, partitions }], ...more };
}

async function fetchOne(
  client: RawClient,
  topic: string,
  offset: number,
  more: object = {},
): Promise<FetchedPartition> {
  const { responses } = await client.send('Fetch', 11, fetchBody(topic, offset, more));
  return (responses as { partitions: FetchedPartition[] }[])[0]!.partitions[0]!;
}

/** Fetches what is there. A gateway that its machine does not let run in time answers that there is nothing yet. */
const fetchStored = (client: RawClient, topic: string, offset = 0): Promise<FetchedPartition> =>
  fetchOne(client, topic, offset, { maxWaitMs: 20_000 });

const valuesIn = (bytes: Uint8Array): string[] =>
  recordsIn(bytes).map(({ value }) => new TextDecoder().decode(value!));

function produceBody(topic: string, records: Uint8Array | null, acks = -1): object {
  return { acks, timeoutMs: 5_000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] };
}

async function produceOne(
  client: RawClient,
  topic: string,
  records: Uint8Array | null,
): Promise<Record<string, unknown>> {
  const { responses } = await client.send('Produce', 8, produceBody(topic, records));
  return (responses as { partitionResponses: Record<string, unknown>[] }[])[0]!.partitionResponses[0]!;
}

describe('compressed batches', () => {
  it.each(CODECS)('go out as they came, and are read as JSON: %s', async (codec) => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const value = new TextEncoder().encode(JSON.stringify('x'.repeat(1_000)));
    const batch = compressedBatch(codec, [
      { key: null, value, timestamp: Date.now() },
      { key: null, value, timestamp: Date.now() },
    ]);
    expect(await produceOne(client, topic, batch)).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(Buffer.from((await fetchStored(client, topic)).records).equals(batch)).toBe(true);
    const { body } = await kafka.broker.fetch(topic, 0);
    expect(body.records).toMatchObject([{ value: 'x'.repeat(1_000) }, { offset: 1 }]);
    client.socket.destroy();
  });

  it.each(CODECS)('are refused if they are broken inside: %s', async (codec) => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const record = { key: null, value: new Uint8Array(100), timestamp: Date.now() };
    const broken = compressedBatch(codec, [record]);
    broken.fill(0xff, 61, 70);
    sealBatch(broken, 0);
    expect(await produceOne(client, topic, broken)).toMatchObject({ errorCode: ERRORS.INVALID_RECORD });
    expect(await produceOne(client, topic, compressedBatch(codec, [record]))).toMatchObject({
      baseOffset: 0,
    });
    client.socket.destroy();
  });
});

describe('producing with kafkajs', () => {
  it.each([
    ['as it is', {}, CompressionTypes.None],
    ['with gzip', {}, CompressionTypes.GZIP],
    ['by an idempotent producer', { idempotent: true }, CompressionTypes.None],
  ])('stores records %s, which everybody reads', async (_, options, compression) => {
    const topic = await kafka.topic();
    const messages = Array.from({ length: 50 }, (_, at) => ({
      key: `k${at}`,
      value: `v${at}`,
      headers: { at: `${at}` },
    }));
    const stored = await kafka.withProducer(
      (producer) => producer.send({ topic, messages, compression }),
      options,
    );
    expect(stored).toMatchObject([{ partition: 0, errorCode: 0, baseOffset: '0' }]);
    const reader = kafka.posthorn.reader(topic, { from: 'earliest' });
    const seen: unknown[] = [];
    for await (const record of reader) {
      seen.push([new TextDecoder().decode(record.key!), record.text()]);
      if (seen.length === 50) break;
    }
    expect(seen).toEqual(messages.map(({ key, value }) => [key, value]));
  });

  it('stores what is sent to many partitions', async () => {
    const topic = await kafka.topic(20);
    const messages = Array.from({ length: 20 }, (_, partition) => ({ value: 'v', partition }));
    const stored = await kafka.withProducer((producer) => producer.send({ topic, messages }));
    expect(stored.map(({ errorCode }) => errorCode)).toEqual(Array(20).fill(0));
  });
});

describe('a produce request', () => {
  it('gets the offset of its first record, and the next one the offset after it', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, at) => produceOne(client, topic, batchOf(`${at}`, 'x'))),
    );
    expect(outcomes.map(({ baseOffset }) => baseOffset)).toEqual(outcomes.map((_, at) => 2 * at));
    const { records } = await fetchStored(client, topic);
    expect(valuesIn(records).filter((value) => value !== 'x')).toEqual(outcomes.map((_, at) => `${at}`));
    client.socket.destroy();
  });

  it('without keys for a compacted topic says which records have none', async () => {
    const topic = newName();
    await kafka.posthorn.topics.declare(topic, { cleanupPolicy: 'compact' });
    const client = await RawClient.connect(kafka.server.port);
    const value = new TextEncoder().encode('x');
    const keys = [value, null, value, null];
    const records = encodeBatch(keys.map((key) => ({ key, value, timestamp: Date.now() })));
    expect(await produceOne(client, topic, records)).toMatchObject({
      errorCode: ERRORS.INVALID_RECORD,
      recordErrors: [{ batchIndex: 1 }, { batchIndex: 3 }],
    });
    client.socket.destroy();
  });

  it('may be large also as the first of its connection, and has its turn with those behind it', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    void client.send('ApiVersions', 3, {});
    const large = produceOne(client, topic, batchOf('x'.repeat(700_000), 'y'));
    const next = produceOne(client, topic, batchOf('z'));
    expect([await large, await next]).toMatchObject([
      { errorCode: 0, baseOffset: 0 },
      { errorCode: 0, baseOffset: 2 },
    ]);
    client.socket.destroy();
  });

  it('is served in its turn also before the gateway knows the namespace of its connection', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    // Large ones take longer on their way, so that each would be overtaken by the small one behind it.
    const values = Array.from({ length: 20 }, (_, at) => `${at}`.repeat(at % 2 === 0 ? 100_000 : 1));
    const outcomes = await Promise.all(values.map((value) => produceOne(client, topic, batchOf(value))));
    client.socket.destroy();
    expect(outcomes.map(({ baseOffset }) => baseOffset)).toEqual(values.map((_, at) => at));
  });

  it('that wants no answer gets none, and its records are stored before those of the next', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    client.sendWithoutAnswer('Produce', 8, produceBody(topic, batchOf('a'), 0));
    // Its answer would be in the way of the next one.
    expect(await client.send('Metadata', 1, { topics: [] })).toMatchObject({ brokers: [{ nodeId: 1 }] });
    client.socket.destroy();
    const other = await RawClient.connect(kafka.server.port);
    await expect.poll(async () => (await fetchOne(other, topic, 0)).highWatermark).toBe(1);
    other.socket.destroy();
  });

  it('that wants no answer and fails closes the connection', async () => {
    const client = await RawClient.connect(kafka.server.port);
    client.sendWithoutAnswer('Produce', 8, produceBody(newName(), batchOf('a'), 0));
    await client.closed;
  });

  it('that wants acks which there are none of is refused, and stores nothing', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const { responses } = await client.send('Produce', 8, produceBody(topic, batchOf('a'), 2));
    expect(responses).toMatchObject([{ partitionResponses: [{ errorCode: 21, baseOffset: -1 }] }]);
    expect((await fetchOne(client, topic, 0)).highWatermark).toBe(0);
    client.socket.destroy();
  });

  it.each([
    ['with a wrong CRC', (batch: Uint8Array) => batch.with(17, batch[17]! ^ 1), 2],
    ['of magic 1', (batch: Uint8Array) => batch.with(16, 1), 43],
    ['of magic 0', (batch: Uint8Array) => batch.with(16, 0), 43],
    ['that is cut off', (batch: Uint8Array) => batch.slice(0, -3), 2],
    ['of no bytes', () => new Uint8Array(), 87],
    ['that is null', () => null, 87],
  ])(
    'with a batch %s is refused with the code of Kafka, and stores nothing',
    async (_, change, errorCode) => {
      const topic = await kafka.topic();
      const client = await RawClient.connect(kafka.server.port);
      expect(await produceOne(client, topic, change(batchOf('a')))).toMatchObject({
        errorCode,
        baseOffset: -1,
      });
      expect(await produceOne(client, topic, batchOf('b'))).toMatchObject({ errorCode: 0, baseOffset: 0 });
      client.socket.destroy();
    },
  );

  it('says where the log begins', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    for (const value of ['a', 'b', 'c']) {
      expect(await produceOne(client, topic, batchOf(value))).toMatchObject({ logStartOffset: 0 });
    }
    await kafka.posthorn.topics.deleteRecords(topic, 0, { before: 2 });
    expect(await produceOne(client, topic, batchOf('d'))).toMatchObject({ baseOffset: 3, logStartOffset: 2 });
    client.socket.destroy();
  });

  it('may have records without timestamps, which are kept so and age from their arrival', async () => {
    const topic = await kafka.topic();
    await kafka.posthorn.topics.change(topic, { retentionMs: 60_000 });
    const client = await RawClient.connect(kafka.server.port);
    const value = new TextEncoder().encode('timeless');
    const batch = encodeBatch([{ key: null, value, timestamp: -1 }]);
    expect(await produceOne(client, topic, batch)).toMatchObject({ errorCode: 0, logAppendTimeMs: -1 });
    expect(await produceOne(client, topic, batchOf('timed'))).toMatchObject({
      errorCode: 0,
      logStartOffset: 0,
    });
    const { records } = await fetchStored(client, topic);
    expect(recordsIn(records).map(({ timestamp }) => timestamp === -1)).toEqual([true, false]);
    const { topics } = await client.send('ListOffsets', 7, {
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: 0 }] }],
    });
    expect(topics).toMatchObject([{ partitions: [{ offset: 1 }] }]);
    client.socket.destroy();
  });

  it('does not take others down with it that are sent together', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const good = batchOf('good');
    const bad = good.with(17, good[17]! ^ 1);
    const outcomes = await Promise.all(
      [good, good, bad, good, bad, good].map((batch) => produceOne(client, topic, batch)),
    );
    expect(outcomes.map(({ errorCode }) => errorCode)).toEqual([0, 0, 2, 0, 2, 0]);
    expect(outcomes.map(({ baseOffset }) => baseOffset)).toEqual([0, 1, -1, 2, -1, 3]);
    client.socket.destroy();
  });

  it('to a topic or partition that is not there, or has no name that could be, is refused', async () => {
    const client = await RawClient.connect(kafka.server.port);
    for (const topic of [newName(), '../x', '']) {
      expect(await produceOne(client, topic, batchOf('a'))).toMatchObject({
        errorCode: topic === '../x' || topic === '' ? 17 : 3,
      });
    }
    client.socket.destroy();
  });
});

describe('a fetch', () => {
  it('waits for records, and brings them as soon as they are there', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const other = await RawClient.connect(kafka.server.port);
    const waiting = fetchOne(client, topic, 0, { maxWaitMs: 30_000 });
    await fetchOne(other, topic, 0);
    await produceOne(other, topic, batchOf('a', 'b'));
    const { records, highWatermark } = await waiting;
    expect([valuesIn(records), highWatermark]).toEqual([['a', 'b'], 2]);
    client.socket.destroy();
    other.socket.destroy();
  });

  it('ends its wait after its time, with the end of the log', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    await produceOne(client, topic, batchOf('a'));
    expect(await fetchOne(client, topic, 1, { maxWaitMs: 20 })).toMatchObject({
      errorCode: 0,
      highWatermark: 1,
    });
    client.socket.destroy();
  });

  it('reads from any offset, again and again', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    for (const value of ['a', 'b', 'c']) await produceOne(client, topic, batchOf(value));
    for (const offset of [0, 2, 1, 0, 2]) {
      const { records } = await fetchStored(client, topic, offset);
      expect(valuesIn(records)[0]).toBe(['a', 'b', 'c'][offset]);
    }
    client.socket.destroy();
  });

  it('without a session says so by its epoch, whatever the id', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    await produceOne(client, topic, batchOf('a'));
    for (const sessionEpoch of [0, -1]) {
      for (const sessionId of [0, -1, 5]) {
        const answer = await client.send('Fetch', 11, fetchBody(topic, 0, { sessionId, sessionEpoch }));
        expect(answer).toMatchObject({ errorCode: 0, sessionId: 0, responses: [{ topic }] });
      }
    }
    client.socket.destroy();
  });

  it('outside of the log, or of what is not there, is refused', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    expect(await fetchOne(client, topic, 5, { maxWaitMs: 5_000 })).toMatchObject({ errorCode: 1 });
    expect(await fetchOne(client, newName(), 0, { maxWaitMs: 5_000 })).toMatchObject({ errorCode: 3 });
    const ofSession = { sessionId: 5, sessionEpoch: 1 };
    expect(await client.send('Fetch', 11, fetchBody(topic, 0, ofSession))).toMatchObject({ errorCode: 70 });
    const unknown = {
      topicId: 'aaaaaaaa-0000-4000-8000-000000000000',
      partitions: [{ partition: 0, fetchOffset: 0 }],
    };
    const { responses } = await client.send('Fetch', 13, fetchBody(topic, 0, { topics: [unknown] }));
    expect(responses).toMatchObject([{ partitions: [{ errorCode: 100 }] }]);
    client.socket.destroy();
  });

  it('by the id of a topic reads no other topic of that name', async () => {
    const topic = await kafka.topic();
    const client = await RawClient.connect(kafka.server.port);
    const described = async (): Promise<string> => {
      const { topics } = await client.send('Metadata', 12, { topics: [{ name: topic }] });
      return (topics as { topicId: string }[])[0]!.topicId;
    };
    const codeOf = async (topicId: string): Promise<unknown> => {
      const topics = [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }] }];
      const { responses } = await client.send('Fetch', 13, fetchBody(topic, 0, { topics }));
      return (responses as { partitions: { errorCode: number }[] }[])[0]!.partitions[0]!.errorCode;
    };
    const before = await described();
    expect(await codeOf(before)).toBe(0);
    await kafka.posthorn.topics.delete(topic);
    await kafka.posthorn.topics.declare(topic);
    const after = await described();
    expect(after).not.toBe(before);
    await expect.poll(() => codeOf(before)).toBe(100);
    expect(await codeOf(after)).toBe(0);
    client.socket.destroy();
  });
});

describe('a client that sends nonsense', () => {
  it.each([
    ['a size that lies', [0x7f, 0, 0, 0]],
    ['an unknown API', [0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]],
    ['an array of a billion', [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x3b, 0x9a, 0xca, 0]],
  ])('is gone after %s', async (_, bytes) => {
    const client = await RawClient.connect(kafka.server.port);
    client.socket.write(new Uint8Array(bytes));
    await client.closed;
  });
});
