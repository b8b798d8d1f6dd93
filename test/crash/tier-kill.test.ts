/**
 * A partition whose old records move to the bucket while everything is killed with kill -9, again and again: every record that was
 * acknowledged is read once, in the order of its offsets, and a topic that is deleted leaves nothing in the bucket.
 *
 * `KILLS=20` for more, `SEED=<n>` to choose the moments again.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asPosthornError } from '../../sdk/errors.ts';
import { namespaceTierPrefix } from '../../core/log/tier/tier-key.ts';
import { startBroker } from '../../scripts/broker/broker.ts';
import { Posthorn } from '../../sdk/index.ts';
import { isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';
import { SEED } from '../support/seed.ts';
import { randomFrom } from './random.ts';

const KILLS = Number(process.env['KILLS'] ?? 3);
/** Objects of 16 KiB, of one or two batches: the next is sealed as soon as one is. */
const HOT_BYTES = 65_536;
const TEXT = '.'.repeat(4_000);
/** Between two kills. */
const BATCHES_MIN = 40;
const LIFE_MS_MAX = 500;

let folder: string;
let serve: Awaited<ReturnType<typeof ServeProcess.start>>;
let posthorn: Posthorn;

async function start(port = '0'): Promise<void> {
  serve = await ServeProcess.start({ POSTHORN_DATA: folder, PORT: port });
}

async function killAll(): Promise<void> {
  const { workerdPid } = serve.info;
  serve.killGroup('SIGKILL');
  await serve.exit;
  await until('workerd is gone', () => !isAlive(workerdPid));
}

/** On the same port, so that clients go on. */
async function killAndStart(): Promise<void> {
  const { port } = new URL(serve.info.url);
  await killAll();
  await start(port);
}

/** Runs until it does not fail for the moment. */
async function persisted<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!asPosthornError(error).retryable) throw error;
      await delay(50);
    }
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-tier-kill-'));
  await start();
  posthorn = new Posthorn({ url: serve.info.url });
});
afterAll(async () => {
  serve.killGroup('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

it(
  `keeps every record across ${KILLS} kills (SEED=${SEED})`,
  { timeout: 60_000 + KILLS * 30_000 },
  async () => {
    const random = randomFrom(SEED);
    await posthorn.topics.declare('history', { retentionMs: null, hotBytes: HOT_BYTES });
    const producer = posthorn.producer();
    const acknowledged = new Map<number, number>();
    let next = 0;
    let isEnding = false;
    let trimmed = 0;
    const write = async (): Promise<void> => {
      while (!isEnding) {
        const numbers = [next++, next++, next++];
        const stored = await producer.sendBatch(
          'history',
          numbers.map((number) => ({ value: { number, text: TEXT } })),
        );
        stored.forEach(({ offset }, index) => acknowledged.set(offset, numbers[index]!));
      }
    };
    const trim = async (): Promise<void> => {
      while (!isEnding) {
        const target = Math.floor(acknowledged.size / 4);
        if (target > trimmed) {
          await persisted(() => posthorn.topics.deleteRecords('history', 0, { before: target }));
          trimmed = target;
        }
        await delay(20);
      }
    };
    const work = [write(), write(), trim()];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged.size;
      await until('enough is written', () => acknowledged.size > before + 3 * BATCHES_MIN, 60_000);
      await delay(random() * LIFE_MS_MAX);
      await killAndStart();
    }
    isEnding = true;
    await Promise.all(work);
    await producer.close();

    const state = await persisted(() => posthorn.topics.describePartition('history', 0));
    expect(state.coldBytes).toBeGreaterThan(HOT_BYTES);
    expect(state.logStartOffset).toBe(trimmed);
    const seen: [number, number][] = [];
    for await (const record of posthorn.reader('history', { follow: false }))
      seen.push([record.offset, record.json<{ number: number }>()!.number]);
    const expected = [...acknowledged].filter(([offset]) => offset >= trimmed).sort(([a], [b]) => a - b);
    expect(seen).toEqual(expected);
    console.log(
      `${seen.length} of ${acknowledged.size} records are left, ${state.coldBytes} bytes in the bucket`,
    );

    // Where the reply to the first call was lost, the next finds no topic.
    const deletion = persisted(() => posthorn.topics.delete('history')).catch((error: unknown) => {
      expect(asPosthornError(error).code).toBe('topic_not_found');
    });
    await delay(random() * 100);
    await killAndStart();
    await deletion;
    await killAll();
    const broker = await startBroker({ dataPath: folder, dashboard: false });
    try {
      const bucket = (await broker.miniflare.getR2Bucket('OBJECTS', 'posthorn')) as unknown as R2Bucket;
      const isEmpty = async (): Promise<boolean> =>
        (await bucket.list({ prefix: namespaceTierPrefix('default'), limit: 1 })).objects.length === 0;
      await until('nothing is left in the bucket', isEmpty, 60_000);
    } finally {
      await broker.stop();
    }
  },
);
