/** Bodies that are too large for a message go to the bucket, and come back with their messages. */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type BodyClaim, type PosthornError, type ReceivedMessage } from '../../sdk/index.ts';
import { DAY_MS } from '../../protocol/names/object-id.ts';
import { OBJECT_PART_BYTES } from '../../protocol/limits.ts';
import { brokerForTests } from './harness.ts';

const MiB = 1024 * 1024;
const large = (bytes = 3 * MiB): Uint8Array => new Uint8Array(randomBytes(bytes));
const isSame = (left: Uint8Array | null, right: Uint8Array): boolean =>
  left !== null && Buffer.compare(left, right) === 0;

describe('a large body', () => {
  const broker = brokerForTests();

  it('goes through a queue, in the order of its neighbours', async () => {
    const client = broker.client();
    const queue = await broker.queue();
    const body = large();
    const publisher = client.publisher();
    const sent = [
      publisher.sendToQueue(queue, { body: 1 }),
      publisher.sendToQueue(queue, { body, properties: { contentType: 'image/png' } }),
      publisher.sendToQueue(queue, { body: 3 }),
    ];
    await publisher.close();
    await Promise.all(sent);
    const seen: ReceivedMessage[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const consumer = client.consumer(
      queue,
      (message) => {
        seen.push(message);
        if (seen.length === 3) resolve();
      },
      { concurrency: 1 },
    );
    await promise;
    await consumer.stop();
    expect(seen.map(({ claim }) => claim?.bytes)).toEqual([undefined, body.length, undefined]);
    expect(isSame(seen[1]!.body, body)).toBe(true);
    expect(seen[1]!.claim).toMatchObject({ contentType: 'image/png' });
    expect([seen[0]!.json(), seen[2]!.json()]).toEqual([1, 3]);
  });

  it('of 100 MB too, and a stream of it is checked', async () => {
    const client = broker.client();
    const queue = await broker.queue();
    const body = new Uint8Array(100_000_000).fill(7);
    await client.publisher().sendToQueue(queue, { body });
    for await (const message of client.messages(queue, { bodies: 'claim' })) {
      expect(message.body).toHaveLength(0);
      let bytes = 0;
      for await (const piece of await client.objects.stream(message.claim!)) bytes += piece.length;
      expect(bytes).toBe(body.length);
      const other: BodyClaim = { ...message.claim!, sha256: '0'.repeat(64) };
      const drain = async (): Promise<void> => {
        for await (const _ of await client.objects.stream(other));
      };
      await expect(drain()).rejects.toMatchObject({ code: 'body_differs' });
      await message.ack();
      break;
    }
  }, 60_000);

  it('goes through a topic, to readers and to groups', async () => {
    const client = broker.client();
    const topic = await broker.topic();
    const body = large();
    await using producer = client.producer();
    await producer.sendBatch(topic, [
      { value: 'first' },
      { key: 'k', value: body },
      { value: { a: 'x'.repeat(MiB) } },
    ]);
    const records = [];
    for await (const record of client.reader(topic, { follow: false })) records.push(record);
    expect(records.map(({ claim }) => claim === undefined)).toEqual([true, false, false]);
    expect(isSame(records[1]!.value, body)).toBe(true);
    expect(records[2]!.json<{ a: string }>()!.a).toHaveLength(MiB);
    const batches = [];
    for await (const batch of client.reader(topic, { follow: false }).batches()) batches.push(...batch);
    expect(isSame(batches[1]!.value, body)).toBe(true);

    const { promise, resolve } = Promise.withResolvers<Uint8Array | null>();
    const consumer = client.consumer({
      group: `${topic}-group`,
      topics: [topic],
      eachRecord: (record) => {
        if (record.keyText === 'k') resolve(record.value);
      },
    });
    expect(isSame(await promise, body)).toBe(true);
    await consumer.stop();
  });

  it('lives as long as the records of its topic', async () => {
    const client = broker.client();
    const topic = await broker.topic(1, { retentionMs: null });
    await client.producer().send(topic, { value: large(MiB) });
    for await (const record of client.reader(topic, { follow: false, bodies: 'claim' }))
      expect(record.claim!.object).toMatch(/^forever\./);
  });

  it.each([
    ['a queue without a TTL', {}, {}, 7],
    ['a queue', { messageTtlMs: 30 * DAY_MS }, {}, 37],
    ['a queue and its dead letters', { messageTtlMs: 30 * DAY_MS }, { messageTtlMs: 20 * DAY_MS }, 50],
  ])('lives as long as the messages of %s', async (_, queueFields, deadFields, days) => {
    const client = broker.client();
    const dead = await broker.queue(deadFields);
    const queue = await broker.queue({ ...queueFields, deadLetter: { queue: dead } });
    await client.publisher().sendToQueue(queue, { body: large(MiB), properties: { delayMs: 1 } });
    for await (const message of client.messages(queue, { bodies: 'claim' })) {
      const { object } = message.claim!;
      const { expiresAt, storedAt } = (await client.objects.list()).find((each) => each.object === object)!;
      expect(expiresAt! - storedAt).toBeGreaterThan(days * DAY_MS);
      expect(expiresAt! - storedAt).toBeLessThan((days + 4) * DAY_MS);
      break;
    }
  });

  it('that has vanished is an error of its handler, and its message a dead letter', async () => {
    const client = broker.client();
    const queue = await broker.queue({ retry: { scheduleMs: [] } });
    const publisher = client.publisher();
    await publisher.sendToQueue(queue, { body: large(MiB) });
    await publisher.sendToQueue(queue, { body: 'after' });
    for (const { object } of await client.objects.list()) await client.objects.delete(object);
    const errors: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const consumer = client.consumer(
      queue,
      (message) => {
        try {
          if (message.text() === '"after"') resolve();
        } catch (error) {
          errors.push((error as PosthornError).code);
          throw error;
        }
      },
      { onError: () => {} },
    );
    await promise;
    const messages = async (): Promise<unknown[]> => {
      const found = [];
      for await (const { error } of client.deadLetters.list(`${queue}.dlq`)) found.push(error?.message);
      return found;
    };
    await expect
      .poll(messages)
      .toEqual([expect.stringContaining('does not exist, or has expired') as unknown]);
    expect(errors).toEqual(['object_not_found']);
    for await (const { originalMessage } of client.deadLetters.list(`${queue}.dlq`))
      expect(originalMessage.properties.claim).toContain('sha256');
    await consumer.stop();
  });
});

describe('an object in parts', () => {
  const broker = brokerForTests();
  const bytes = large(2 * OBJECT_PART_BYTES + 5);

  it('goes by itself, from bytes or a Blob', async () => {
    const client = broker.client();
    const stored = await client.objects.put('forever.parts', bytes, { contentType: 'video/mp4' });
    expect(stored).toMatchObject({
      bytes: bytes.length,
      contentType: 'video/mp4',
      sha256: expect.any(String) as string,
    });
    expect(isSame(await client.objects.get('forever.parts'), bytes)).toBe(true);
    expect((await client.objects.put('forever.parts', bytes)).storedAt).toBe(stored.storedAt);
    await client.objects.put('forever.blob', new Blob([bytes]));
    expect(isSame(await client.objects.get('forever.blob'), bytes)).toBe(true);
    await expect(client.objects.put('forever.parts', bytes.subarray(1))).rejects.toMatchObject({
      code: 'object_differs',
    });
  });

  it('sends a part that failed again, and no other', async () => {
    const requests: string[] = [];
    let failures = 3;
    const client = broker.client({
      fetch: async (url, init) => {
        const { method, pathname } = { method: init?.method, pathname: new URL(String(url)).pathname };
        requests.push(`${method} ${pathname.split('/').slice(-2).join('/')}`);
        if (pathname.endsWith('parts/2') && failures-- > 0) throw new TypeError('the connection broke');
        return await fetch(url, init);
      },
    });
    await client.objects.put('forever.resumed', bytes);
    expect(requests.filter((request) => request.startsWith('PUT')).sort()).toEqual([
      'PUT parts/1',
      ...Array.from({ length: 4 }, () => 'PUT parts/2'),
      'PUT parts/3',
    ]);
    expect(isSame(await client.objects.get('forever.resumed'), bytes)).toBe(true);
  });

  it('carries the body of a message, and goes again if it cannot be sent', async () => {
    const client = broker.client();
    const queue = await broker.queue();
    await client.publisher().sendToQueue(queue, { body: bytes });
    for await (const message of client.messages(queue)) {
      expect(isSame(message.body, bytes)).toBe(true);
      break;
    }
    const methods: string[] = [];
    const broken = broker.client({
      retry: { attempts: 1 },
      fetch: async (url, init) => {
        methods.push(init?.method ?? 'GET');
        if (String(url).includes('/parts/2')) throw new TypeError('the connection broke');
        return await fetch(url, init);
      },
    });
    await expect(broken.objects.put('forever.broken', bytes)).rejects.toMatchObject({
      code: 'connection_failed',
    });
    await expect.poll(() => methods).toContain('DELETE');
    await expect(client.objects.get('forever.broken')).rejects.toMatchObject({ code: 'object_not_found' });
  });
});

describe('without a bucket', () => {
  const broker = brokerForTests({ own: 'has no bucket', objects: false });

  it('goes in the message while it fits, and is refused with what to do above', async () => {
    const client = broker.client();
    const queue = await broker.queue();
    const publisher = client.publisher();
    await publisher.sendToQueue(queue, { body: 'x'.repeat(500_000) });
    await expect(publisher.sendToQueue(queue, { body: large() })).rejects.toMatchObject({
      code: 'record_too_large',
      message: expect.stringContaining('[[r2_buckets]]') as unknown,
    });
    for await (const message of client.messages(queue)) {
      expect(message.json()).toHaveLength(500_000);
      break;
    }
  });
});
