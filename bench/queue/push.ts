/**
 * Benchmark of pushes: messages a second to one endpoint on loopback with a concurrency of 10, the time from a publish to its
 * request beside the time of an awaited publish, and the rows written for each pushed message. Of a topic: the same for records
 * of one partition without keys.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Posthorn } from '../../sdk/index.ts';
import { quantile } from '../runtime/client.ts';
import { withRuntime } from '../runtime/runtime.ts';

export interface PushResult {
  messages: number;
  /** Messages a second that were in the queue before, one a request, and 100 a request. */
  rate: number;
  batchRate: number;
  /** From the call of the publish to its confirmation, and to the request, in ms. */
  publishP50Ms: number;
  pushP50Ms: number;
  pushP99Ms: number;
  /** Of messages that were published and pushed alone, and of a backlog in batches of 100. */
  rowsAlone: number;
  rowsInBatches: number;
  topicRate: number;
  topicBatchRate: number;
  produceP50Ms: number;
  topicP50Ms: number;
}

export async function benchPush(messages: number, progress: (text: string) => void): Promise<PushResult> {
  let got = 0;
  let onMessage: () => void = () => {};
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += String(part)));
    request.on('end', () => {
      response.writeHead(204).end();
      got += (JSON.parse(text) as { messages: unknown[] }).messages.length;
      onMessage();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const until = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onMessage = () => got >= count && resolve();
      onMessage();
    });
  try {
    return await withRuntime('posthorn', async (client) => {
      const posthorn = new Posthorn({ url: client.url });
      const declare = async (queue: string, fields: object): Promise<void> => {
        await posthorn.queues.declare(queue);
        await posthorn.subscriptions.put(queue, {
          source: { queue },
          target: { url },
          concurrency: 10,
          ...fields,
        });
      };
      const rowsOf = async (queue: string): Promise<number> =>
        (await posthorn.queues.get(queue)).state.meter.rowsWritten;
      const untilSettled = async (queue: string): Promise<void> => {
        for (;;) {
          const { ready, leased } = (await posthorn.queues.get(queue)).state;
          if (ready + leased === 0) return;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
      const publishMany = async (queue: string, count: number): Promise<void> => {
        const publisher = posthorn.publisher();
        await Promise.all(
          Array.from({ length: count }, (_, number) =>
            publisher.sendToQueue(queue, { body: { number, text: 'x'.repeat(80) } }),
          ),
        );
        await publisher.close();
      };
      const backlog = async (
        queue: string,
        count: number,
        fields: object,
      ): Promise<{ rate: number; rows: number }> => {
        progress(`push: ${count} messages of ${queue}`);
        await declare(queue, fields);
        await posthorn.subscriptions.pause(queue);
        await publishMany(queue, count);
        const before = await rowsOf(queue);
        got = 0;
        const startMs = performance.now();
        await posthorn.subscriptions.resume(queue);
        await until(count);
        const rate = Math.round((1_000 * count) / (performance.now() - startMs));
        await untilSettled(queue);
        return { rate, rows: ((await rowsOf(queue)) - before) / count };
      };
      const topicBacklog = async (topic: string, count: number, fields: object): Promise<number> => {
        progress(`push: ${count} records of ${topic}`);
        await posthorn.topics.declare(topic, { partitions: 1 });
        const producer = posthorn.producer();
        const record = { value: { text: 'x'.repeat(80) } };
        await Promise.all(Array.from({ length: count }, () => producer.send(topic, record)));
        await producer.close();
        got = 0;
        const startMs = performance.now();
        const source = { topic, from: 'earliest' as const };
        await posthorn.subscriptions.put(topic, { source, target: { url }, concurrency: 10, ...fields });
        await until(count);
        return Math.round((1_000 * count) / (performance.now() - startMs));
      };
      const topicRate = await topicBacklog('single', messages, {});
      const topicBatchRate = await topicBacklog('batched', messages * 10, { batchMessages: 100 });
      const single = await backlog('single', messages, {});
      const batched = await backlog('batched', messages * 10, { batchMessages: 100 });
      progress('push: one after another');
      await declare('awaited', {});
      await posthorn.topics.declare('alone', { partitions: 1 });
      await posthorn.subscriptions.put('alone', { source: { topic: 'alone' }, target: { url } });
      const producer = posthorn.producer();
      const topicTimes = { produce: [] as number[], push: [] as number[] };
      for (let number = -20; number < Math.min(messages, 400); number++) {
        got = 0;
        const startMs = performance.now();
        const pushed = until(1).then(() => performance.now() - startMs);
        await producer.send('alone', { value: number });
        const produceMs = performance.now() - startMs;
        const pushMs = await pushed;
        if (number < 0) continue;
        topicTimes.produce.push(produceMs);
        topicTimes.push.push(pushMs);
      }
      await producer.close();
      const publisher = posthorn.publisher();
      const times = { publish: [] as number[], push: [] as number[] };
      const alone = Math.min(messages, 400);
      let before = 0;
      for (let number = -20; number < alone; number++) {
        if (number === 0) before = await rowsOf('awaited');
        got = 0;
        const startMs = performance.now();
        const pushed = until(1).then(() => performance.now() - startMs);
        await publisher.sendToQueue('awaited', { body: number });
        const publishMs = performance.now() - startMs;
        const pushMs = await pushed;
        if (number >= 0) {
          times.publish.push(publishMs);
          times.push.push(pushMs);
        }
        await untilSettled('awaited');
      }
      await publisher.close();
      return {
        messages,
        rate: single.rate,
        batchRate: batched.rate,
        publishP50Ms: round(quantile(times.publish, 0.5)),
        pushP50Ms: round(quantile(times.push, 0.5)),
        pushP99Ms: round(quantile(times.push, 0.99)),
        rowsAlone: ((await rowsOf('awaited')) - before) / alone,
        rowsInBatches: batched.rows,
        topicRate,
        topicBatchRate,
        produceP50Ms: round(quantile(topicTimes.produce, 0.5)),
        topicP50Ms: round(quantile(topicTimes.push, 0.5)),
      };
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

export function printPush(result: PushResult): void {
  console.log(`\nPushes to one endpoint on loopback, concurrency 10, ${result.messages} messages`);
  console.table([result]);
}

const round = (ms: number): number => Number(ms.toFixed(2));
