/**
 * Benchmark of the queue: publish -> deliver -> ack, with producer and consumers at the same time, over plain HTTP in
 * batches. In the same run and with the same windows it measures a RabbitMQ quorum queue.
 */

import { decodeDeliveryFrame } from '../../protocol/frames/delivery-frame.ts';
import { formatTag } from '../../protocol/frames/delivery-tag.ts';
import { DELIVERIES_TYPE, RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import { Posthorn } from '../../sdk/index.ts';
import { median, timed, type Client } from '../runtime/client.ts';
import { MESSAGE_BYTES, WINDOW } from '../peers/contender.ts';
import { rabbitmqContender } from '../peers/rabbitmq.ts';
import { withRuntime, type Start } from '../runtime/runtime.ts';

const RABBITMQ = 'rabbitmq quorum';

const QUEUE = '/v1/default/queues/bench';

export interface QueueRound {
  contender: string;
  /** Messages per second, from the first publish to the last ack. */
  rate: number;
  rowsPerMessage?: number;
}

export interface QueueResult {
  messages: number;
  rounds: QueueRound[];
  /** By contender: its rate over RabbitMQ's of the same round, median. Absent if RabbitMQ is not installed. */
  ratioToRabbitmq: Record<string, number> | null;
}

/** @param withRabbitmq false if it is not installed */
export async function benchQueue(
  messages: number,
  rounds: number,
  withRabbitmq: boolean,
  progress: (text: string) => void,
): Promise<QueueResult> {
  const contenders = [
    ...(withRabbitmq ? [() => rabbitmqRound(messages)] : []),
    () => posthornSdkRound(messages),
    () => posthornSdkRound(messages, 'poll'),
    () => posthornHttpRound(messages, 100),
    () => posthornHttpRound(messages, 1_000),
  ];
  const all: QueueRound[] = [];
  const ratios = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    progress(`queue: round ${round + 1} of ${rounds}`);
    const results: QueueRound[] = [];
    for (const run of round % 2 === 0 ? contenders : contenders.toReversed()) results.push(await run());
    all.push(...results);
    const peer = results.find(({ contender }) => contender === RABBITMQ);
    for (const { contender, rate } of results) {
      if (peer && contender !== RABBITMQ)
        ratios.set(contender, [...(ratios.get(contender) ?? []), rate / peer.rate]);
    }
  }
  const medians = [...ratios].map(([contender, values]) => [contender, median(values)] as const);
  return { messages, rounds: all, ratioToRabbitmq: withRabbitmq ? Object.fromEntries(medians) : null };
}

/** Through the SDK, but for `transport` with its defaults: a publisher and a consumer, each with its window. */
async function posthornSdkRound(messages: number, transport?: 'poll'): Promise<QueueRound> {
  return await withRuntime('posthorn', async (client) => {
    const posthorn = new Posthorn({ url: client.url });
    await posthorn.queues.declare('bench');
    const before = await rowsWritten(client);
    const publisher = posthorn.publisher({ maxUnconfirmed: WINDOW });
    const body = new TextEncoder().encode('abcdefghij'.repeat(MESSAGE_BYTES / 10));
    let handled = 0;
    const seconds = await timed(1, 1, async () => {
      const all = Promise.withResolvers<void>();
      const consumer = posthorn.consumer('bench', () => void (++handled === messages && all.resolve()), {
        prefetch: WINDOW,
        ...(transport && { transport }),
      });
      for (let i = 0; i < messages; i++) {
        publisher.sendToQueue('bench', { body }).catch(all.reject);
        await publisher.ready();
      }
      await all.promise;
      await consumer.stop();
    });
    await publisher.close();
    const rows = (await rowsWritten(client)) - before;
    const contender = transport === 'poll' ? 'posthorn SDK, by polls' : 'posthorn SDK';
    return { contender, rate: messages / seconds, rowsPerMessage: rows / messages };
  });
}

/** @param batchSize messages a request; the window decides how many requests are under way */
export async function posthornHttpRound(
  messages: number,
  batchSize: number,
  start: Start | 'posthorn' = 'posthorn',
): Promise<QueueRound> {
  return await withRuntime(start, async (client) => {
    await client.send('PUT', QUEUE, '{}');
    const before = await rowsWritten(client);
    const batch = batchOfMessages(batchSize);
    const atOnce = Math.max(1, Math.floor(WINDOW / batchSize));
    let acked = 0;
    const consume = async (): Promise<void> => {
      while (acked < messages) {
        const count = await takeAndAck(client, batchSize);
        acked += count;
      }
    };
    const seconds = await timed(1, 1, () =>
      Promise.all([
        timed(messages / batchSize, atOnce, () => publish(client, batch)),
        ...Array.from({ length: atOnce }, consume),
      ]),
    );
    const rows = (await rowsWritten(client)) - before;
    return {
      contender: `posthorn HTTP x${batchSize}`,
      rate: messages / seconds,
      rowsPerMessage: rows / messages,
    };
  });
}

/** A quorum queue, publisher confirms, persistent messages, one connection each for publishing and consuming. */
async function rabbitmqRound(messages: number): Promise<QueueRound> {
  const peer = await rabbitmqContender.start();
  try {
    const seconds = await timed(1, 1, () => peer.queue!(messages));
    return { contender: RABBITMQ, rate: messages / seconds };
  } finally {
    await peer.stop();
  }
}

async function publish(client: Client, batch: Uint8Array): Promise<void> {
  await client.send('POST', `${QUEUE}/messages`, batch, { 'content-type': RECORD_BATCH_TYPE });
}

/** Takes up to `max` messages and acks them; waits if there are none yet. */
async function takeAndAck(client: Client, max: number): Promise<number> {
  const { body } = await client.send('POST', `${QUEUE}/deliveries`, JSON.stringify({ max, wait_ms: 200 }), {
    accept: DELIVERIES_TYPE,
  });
  if (body.length === 0) return 0;
  const { queueId, sections } = decodeDeliveryFrame(body);
  const ack = sections.flatMap(({ lane, runs }) =>
    runs.flatMap(({ start, end, delivery }) =>
      Array.from({ length: end - start }, (_, i) =>
        formatTag({ queueId, lane, offset: start + i, delivery }),
      ),
    ),
  );
  await client.send('POST', `${QUEUE}/settlements`, JSON.stringify({ ack }));
  return ack.length;
}

async function rowsWritten(client: Client): Promise<number> {
  const { body } = await client.send('GET', QUEUE);
  return (JSON.parse(body.toString()) as { state: { meter: { rows_written: number } } }).state.meter
    .rows_written;
}

function batchOfMessages(count: number): Uint8Array {
  const value = new TextEncoder().encode('abcdefghij'.repeat(MESSAGE_BYTES / 10));
  const timestamp = Date.now();
  return encodeBatch(Array.from({ length: count }, () => ({ key: null, value, timestamp })));
}
