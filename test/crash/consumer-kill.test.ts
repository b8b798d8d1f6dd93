/**
 * Consumers with `delivery: 'exactly-once'` are processes that are killed (kill -9) at random moments and started again: each
 * input has exactly one output. `KILLS=20` for more, `SEED=<n>` to choose the moments again.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBroker, type Broker } from '../../scripts/broker/broker.ts';
import { Posthorn } from '../../sdk/index.ts';
import { SEED } from '../support/seed.ts';
import { randomFrom } from './random.ts';

const KILLS = Number(process.env['KILLS'] ?? 4);
/** What a killed consumer handles in its life is fewer. */
const INPUTS = 200 * KILLS;
const LIFE_MS_MAX = 400;

const script = join(import.meta.dirname, 'loads/consumer-process.ts');
const numbers = Array.from({ length: INPUTS }, (_, number) => number);

describe(`consumers killed ${KILLS} times (SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  let folder: string;
  let broker: Broker;
  let posthorn: Posthorn;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'posthorn-consumers-'));
    broker = await startBroker({ dataPath: join(folder, 'data') });
    posthorn = new Posthorn({ url: broker.url });
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A process that handles inputs: resolves when it has begun with the first. */
  async function born(...args: string[]): Promise<{ kill(): Promise<void>; begun(): number }> {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    let begun = 0;
    const first = new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        begun += text.toString().split('\n').length - 1;
        resolve();
      });
    });
    const exit = once(child, 'exit');
    await Promise.race([first, exit.then(() => Promise.reject(new Error('it ended before it had begun')))]);
    return {
      begun: () => begun,
      kill: async () => {
        child.kill('SIGKILL');
        await exit;
        children.delete(child);
      },
    };
  }

  /** Kills, and then lets one live until everything is done, repetitions included. @returns inputs that were begun in all lives */
  async function liveAndDie(args: string[], isDone: () => Promise<boolean>): Promise<number> {
    let begun = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const life = await born(...args);
      await delay(Math.floor(random() * LIFE_MS_MAX));
      await life.kill();
      begun += life.begun();
    }
    const last = await born(...args);
    await expect.poll(isDone, { timeout: 60_000 }).toBe(true);
    await last.kill();
    return begun + last.begun();
  }

  it('a queue with a store: effects and marks in one database', { timeout: 180_000 }, async () => {
    const path = join(folder, 'outputs.db');
    await posthorn.queues.declare('inputs');
    await using publisher = posthorn.publisher({ messageIds: true });
    await Promise.all(numbers.map((number) => publisher.sendToQueue('inputs', { body: number as never })));
    const read = (): number[] => {
      const database = new DatabaseSync(path, { timeout: 5_000 });
      try {
        const rows = database.prepare('SELECT number FROM outputs').all() as { number: number }[];
        return rows.map(({ number }) => number);
      } finally {
        database.close();
      }
    };
    const begun = await liveAndDie(['queue', broker.url, 'inputs', path], async () => {
      const { ready, leased, parked } = (await posthorn.queues.get('inputs')).state;
      return ready + leased + parked === 0;
    });
    expect(read().toSorted((a, b) => a - b)).toEqual(numbers);
    expect(begun).toBeGreaterThanOrEqual(INPUTS);
  });

  it('a group with a transaction', { timeout: 180_000 }, async () => {
    await posthorn.topics.declare('from', { partitions: 2 });
    await posthorn.topics.declare('to', { partitions: 2 });
    await using producer = posthorn.producer();
    await producer.sendBatch(
      'from',
      numbers.map((number) => ({ value: { number }, partition: number % 2 })),
    );
    const read = async (): Promise<number[]> => {
      const values: number[] = [];
      for await (const record of posthorn.reader('to', { follow: false, delivery: 'exactly-once' }))
        values.push(record.json<{ number: number }>()!.number);
      return values;
    };
    const begun = await liveAndDie(['group', broker.url, 'from', 'to'], async () => {
      const offsets = await posthorn.groups.offsets('from');
      return offsets.every(({ lag }) => lag === 0);
    });
    expect((await read()).toSorted((a, b) => a - b)).toEqual(numbers);
    expect(begun, 'some were begun again').toBeGreaterThan(INPUTS);
  });
});
