/**
 * Benchmark of a backlog: rates, memory and the first delivery after a start, with 1,000 and with 1,000,000 stored
 * messages.
 *
 *   npm run bench -- --only backlog
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeDeliveryFrame } from '../../protocol/frames/delivery-frame.ts';
import { formatTag } from '../../protocol/frames/delivery-tag.ts';
import { DELIVERIES_TYPE, RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import { startBroker } from '../../scripts/broker/broker.ts';
import { Client, median, timed } from '../runtime/client.ts';
import { runtimeMemoryMb } from '../runtime/runtime.ts';

const MESSAGE_BYTES = 100;
const BATCH_MESSAGES = 1_000;
const FILL_CONNECTIONS = 4;

export interface BacklogOptions {
  small: number;
  large: number;
  /** Windows for each backlog, by turns. */
  windows: number;
  /** A step is one batch published, taken and acked: the backlog is the same after it. */
  stepsPerWindow: number;
  restarts: number;
}

export const BACKLOG_DEFAULTS: BacklogOptions = {
  small: 1_000,
  large: 1_000_000,
  windows: 15,
  stepsPerWindow: 30,
  restarts: 5,
};

export const BACKLOG_QUICK: BacklogOptions = {
  ...BACKLOG_DEFAULTS,
  large: 50_000,
  windows: 3,
  stepsPerWindow: 10,
  restarts: 1,
};

/** Messages per second of one window. */
export interface BacklogWindow {
  publish: number;
  deliverAndAck: number;
}

/** Medians, in ms. */
export interface ColdStart {
  /** The first request that a runtime gets: router, topology and queue wake. */
  firstOfRuntimeMs: number;
  /** The router and the topology are awake; the queue's object is not. */
  firstOfObjectMs: number;
}

export interface BacklogResult {
  options: BacklogOptions;
  /** Medians of the windows. */
  rates: { small: BacklogWindow; large: BacklogWindow };
  /** The large backlog over the small, median of the pairs of windows. */
  ratio: BacklogWindow;
  pairs: { small: BacklogWindow; large: BacklogWindow }[];
  /**
   * Of the runtime. `small` after as many messages as `large` has went through the small queue, and `smallLater` after as
   * many again: the difference of the two is what traffic alone adds.
   */
  memoryMb: Record<'small' | 'smallLater' | 'large' | 'afterWindows', number | null>;
  cold: { small: ColdStart; large: ColdStart };
}

type Size = 'small' | 'large';

export async function benchBacklog(
  options: BacklogOptions,
  progress: (text: string) => void,
): Promise<BacklogResult> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  try {
    const warm = await withBroker(dataPath, (client) => measureWarm(client, options, progress));
    return { options, ...warm, cold: await measureCold(dataPath, options, progress) };
  } finally {
    await rm(dataPath, { recursive: true, force: true });
  }
}

async function measureWarm(
  client: Client,
  { small, large, windows, stepsPerWindow }: BacklogOptions,
  progress: (text: string) => void,
): Promise<Pick<BacklogResult, 'rates' | 'ratio' | 'pairs' | 'memoryMb'>> {
  progress(`a backlog of ${small}, and ${large} messages through it`);
  await fill(client, 'small', small);
  await window(client, 'small', large / BATCH_MESSAGES);
  const atSmall = await runtimeMemoryMb();
  await window(client, 'small', large / BATCH_MESSAGES);
  const atSmallLater = await runtimeMemoryMb();
  progress(`a backlog of ${large}`);
  await fill(client, 'large', large);
  await window(client, 'large', stepsPerWindow);
  const atLarge = await runtimeMemoryMb();

  const pairs: BacklogResult['pairs'] = [];
  for (let number = 0; number < windows; number++) {
    progress(`window ${number + 1} of ${windows}`);
    const order: Size[] = number % 2 === 0 ? ['small', 'large'] : ['large', 'small'];
    const pair: Partial<Record<Size, BacklogWindow>> = {};
    for (const size of order) pair[size] = await window(client, size, stepsPerWindow);
    pairs.push(pair as Record<Size, BacklogWindow>);
  }
  for (const [size, expected] of [
    ['small', small],
    ['large', large],
  ] as const) {
    const { ready, leased } = (await describe(client, size)).state;
    if (ready !== expected || leased !== 0)
      throw new Error(`${size}: ${ready} ready and ${leased} leased, not ${expected} and 0`);
  }
  const middle = (pick: (pair: BacklogResult['pairs'][number]) => BacklogWindow): BacklogWindow => ({
    publish: median(pairs.map((pair) => pick(pair).publish)),
    deliverAndAck: median(pairs.map((pair) => pick(pair).deliverAndAck)),
  });
  return {
    rates: { small: middle((pair) => pair.small), large: middle((pair) => pair.large) },
    ratio: middle((pair) => ({
      publish: pair.large.publish / pair.small.publish,
      deliverAndAck: pair.large.deliverAndAck / pair.small.deliverAndAck,
    })),
    pairs,
    memoryMb: {
      small: atSmall,
      smallLater: atSmallLater,
      large: atLarge,
      afterWindows: await runtimeMemoryMb(),
    },
  };
}

/** Starts the runtime on the same folder again and again; every second time the other queue comes first. */
async function measureCold(
  dataPath: string,
  { restarts }: BacklogOptions,
  progress: (text: string) => void,
): Promise<BacklogResult['cold']> {
  const times: Record<Size, { runtime: number[]; object: number[] }> = {
    small: { runtime: [], object: [] },
    large: { runtime: [], object: [] },
  };
  for (let number = 0; number < restarts * 2; number++) {
    progress(`restart ${number + 1} of ${restarts * 2}`);
    const [first, second]: [Size, Size] = number % 2 === 0 ? ['small', 'large'] : ['large', 'small'];
    await withBroker(dataPath, async (client) => {
      times[first].runtime.push(await firstDeliveryMs(client, first));
      times[second].object.push(await firstDeliveryMs(client, second));
    });
  }
  const medians = ({ runtime, object }: (typeof times)[Size]): ColdStart => ({
    firstOfRuntimeMs: median(runtime),
    firstOfObjectMs: median(object),
  });
  return { small: medians(times.small), large: medians(times.large) };
}

async function firstDeliveryMs(client: Client, queue: Size): Promise<number> {
  const startMs = performance.now();
  const tags = await take(client, queue, 1);
  const tookMs = performance.now() - startMs;
  if (tags.length !== 1) throw new Error(`${queue} delivered ${tags.length} messages`);
  // Back to its place, so that the next start finds the same.
  await client.send('POST', `${queuePath(queue)}/settlements`, JSON.stringify({ release: tags }));
  return tookMs;
}

async function window(client: Client, queue: string, steps: number): Promise<BacklogWindow> {
  const batch = batchOfMessages();
  let publishMs = 0;
  let deliverMs = 0;
  for (let step = 0; step < steps; step++) {
    const startMs = performance.now();
    await publish(client, queue, batch);
    const publishedMs = performance.now();
    const tags = await take(client, queue, BATCH_MESSAGES);
    await client.send('POST', `${queuePath(queue)}/settlements`, JSON.stringify({ ack: tags }));
    publishMs += publishedMs - startMs;
    deliverMs += performance.now() - publishedMs;
    if (tags.length !== BATCH_MESSAGES) throw new Error(`${queue} delivered ${tags.length} messages`);
  }
  const messages = steps * BATCH_MESSAGES;
  return { publish: (messages / publishMs) * 1_000, deliverAndAck: (messages / deliverMs) * 1_000 };
}

async function fill(client: Client, queue: string, messages: number): Promise<void> {
  await client.send('PUT', queuePath(queue), '{}');
  const batch = batchOfMessages();
  await timed(messages / BATCH_MESSAGES, FILL_CONNECTIONS, () => publish(client, queue, batch));
}

async function publish(client: Client, queue: string, batch: Uint8Array): Promise<void> {
  await client.send('POST', `${queuePath(queue)}/messages`, batch, { 'content-type': RECORD_BATCH_TYPE });
}

/** Returns the tags. */
async function take(client: Client, queue: string, max: number): Promise<string[]> {
  const { body } = await client.send('POST', `${queuePath(queue)}/deliveries`, JSON.stringify({ max }), {
    accept: DELIVERIES_TYPE,
  });
  if (body.length === 0) return [];
  const { queueId, sections } = decodeDeliveryFrame(body);
  return sections.flatMap(({ lane, runs }) =>
    runs.flatMap(({ start, end, delivery }) =>
      Array.from({ length: end - start }, (_, i) =>
        formatTag({ queueId, lane, offset: start + i, delivery }),
      ),
    ),
  );
}

async function describe(client: Client, queue: string): Promise<QueueWithStateReply> {
  return JSON.parse((await client.send('GET', queuePath(queue))).body.toString()) as QueueWithStateReply;
}

async function withBroker<Result>(
  dataPath: string,
  run: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { url, stop } = await startBroker({ dataPath });
  const client = new Client(url);
  try {
    return await run(client);
  } finally {
    client.close();
    await stop();
  }
}

function queuePath(queue: string): string {
  return `/v1/default/queues/${queue}`;
}

function batchOfMessages(): Uint8Array {
  const value = new TextEncoder().encode('abcdefghij'.repeat(MESSAGE_BYTES / 10));
  const timestamp = Date.now();
  return encodeBatch(Array.from({ length: BATCH_MESSAGES }, () => ({ key: null, value, timestamp })));
}

export function printBacklog({ rates, ratio, memoryMb, cold }: BacklogResult): void {
  console.log('\nOne queue, batches of 1,000 messages of 100 B, messages/s');
  console.table({ ...rates, 'large / small': ratio });
  console.log('Memory of the runtime, MB');
  console.table([memoryMb]);
  console.log('First delivery, ms');
  console.table(cold);
}
