/** Codecs: readers and group consumers get records that Kafka's clients have compressed. */

import { describe, expect, it } from 'vitest';
import { codecs } from '../../sdk/codecs.ts';
import { Posthorn } from '../../sdk/index.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { CODECS, compressedBatch } from '../support/compressed-batch.ts';
import { brokerForTests } from './harness.ts';

const broker = brokerForTests();

async function stored(codec: (typeof CODECS)[number], topic: string): Promise<string[]> {
  await new Posthorn({ url: broker.url }).topics.declare(topic);
  const values = Array.from({ length: 200 }, (_, at) => `${codec} ${at}`);
  const records = values.map((value) => ({
    key: null,
    value: new TextEncoder().encode(value),
    timestamp: Date.now(),
  }));
  const reply = await fetch(`${broker.url}/v1/default/topics/${topic}/records`, {
    method: 'POST',
    headers: { 'content-type': RECORD_BATCH_TYPE },
    body: compressedBatch(codec, records) as Uint8Array<ArrayBuffer>,
  });
  expect(reply.status).toBe(200);
  return values;
}

describe('a client with the codecs', () => {
  it.each(CODECS)('reads records, alone and in a group: %s', async (codec) => {
    const topic = `codec-${codec}`;
    const values = await stored(codec, topic);
    const posthorn = new Posthorn({ url: broker.url, codecs });
    const read: string[] = [];
    for await (const record of posthorn.reader(topic, { from: 'earliest' })) {
      if (read.push(record.text()!) === values.length) break;
    }
    expect(read).toEqual(values);
    const handled: string[] = [];
    const consumer = posthorn.consumer({
      group: topic,
      topics: [topic],
      eachRecord: async (record) => void handled.push(record.text()!),
    });
    await expect.poll(() => handled, { timeout: 10_000 }).toEqual(values);
    await consumer.stop();
  });

  it('is what these records ask for', async () => {
    await stored('snappy', 'codec-without');
    const posthorn = new Posthorn({ url: broker.url });
    const first = async (): Promise<void> => {
      for await (const _ of posthorn.reader('codec-without', { from: 'earliest' })) return;
    };
    await expect(first()).rejects.toMatchObject({ code: 'unsupported_compression' });
  });

  it.each(['snappy', 'lz4', 'zstd'] as const)(
    'gets nothing of bytes that are broken or too many: %s',
    (name) => {
      const inflate = codecs[name]!;
      expect(inflate(new Uint8Array([1, 2, 3]), 1_000)).toBe(null);
      const value = new Uint8Array(10_000);
      const payload = compressedBatch(name, [{ key: null, value, timestamp: 0 }]).subarray(61);
      expect(inflate(payload, 20_000)!.length).toBeGreaterThan(10_000);
      expect(inflate(payload, 5_000)).toBe(null);
    },
  );
});
