/**
 * Idempotent and transactional producers of the SDK write on while the runtime is killed under them (kill -9) and started
 * again. They repeat what they got no answer to; nothing may be there twice, out of order, or half. What one of them writes, a
 * group reads, transforms and writes elsewhere, results and offsets in one transaction: each input has one output. Messages of
 * transactions come once if they were committed, and never if they were aborted.
 *
 * `KILLS=20` for more, `SEED=<n>` to choose the moments again.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deliveries } from '../../protocol/schemas/deliveries.ts';
import type { TransactionState } from '../../protocol/schemas/transactions.ts';
import { Posthorn, PosthornError, type GroupConsumer, type ReceivedRecord } from '../../sdk/index.ts';
import { SEED } from '../support/seed.ts';
import { answers, isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';
import { ask } from './http.ts';
import { randomFrom } from './random.ts';

const KILLS = Number(process.env['KILLS'] ?? 3);
const PARTITIONS = 3;

describe(`a broker killed ${KILLS} times under producers that repeat (SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  let folder: string;
  let serve: Awaited<ReturnType<typeof ServeProcess.start>>;
  let posthorn: Posthorn;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'posthorn-once-'));
    serve = await ServeProcess.start({ POSTHORN_DATA: folder });
    posthorn = new Posthorn({ url: serve.info.url, retry: { baseMs: 20, maxMs: 200 } });
    await posthorn.topics.declare('single', { partitions: PARTITIONS });
    await posthorn.topics.declare('together', { partitions: PARTITIONS });
    await posthorn.topics.declare('tenfold', { partitions: PARTITIONS });
    await posthorn.queues.declare('notices');
    console.log(`seed ${SEED}`);
  });

  afterAll(async () => {
    serve.killGroup('SIGKILL');
    await serve.exit;
    rmSync(folder, { recursive: true, force: true });
  });

  /** The runtime alone, or everything: a broker gives up when its runtime ends too often. */
  const kill = async (isWhole: boolean): Promise<void> => {
    const pid = await workerdPid();
    if (isWhole) serve.killGroup('SIGKILL');
    else process.kill(pid, 'SIGKILL');
    await until('workerd is gone', () => !isAlive(pid));
    if (isWhole) {
      await serve.exit;
      const { port } = new URL(serve.info.url);
      serve = await ServeProcess.start({ POSTHORN_DATA: folder, PORT: port });
    }
    await until('the broker answers again', () => answers(serve.info.url), 30_000);
  };

  /** The runtime of now: the broker notes it in its folder when it has started another. */
  const workerdPid = async (): Promise<number> => {
    const holder = JSON.parse(await readFile(join(folder, 'broker.json'), 'utf8')) as { workerdPid: number };
    return holder.workerdPid;
  };

  const read = async (topic: string, partition: number): Promise<number[]> => {
    const values: number[] = [];
    const options = { partitions: [partition], follow: false, isolation: 'read_committed' } as const;
    for await (const record of posthorn.reader(topic, options)) values.push(valueOf(record));
    return values;
  };

  /** What the queue has, once nothing of a transaction is on its way to it. */
  const drain = async (queue: string, transactionalId: string): Promise<number[]> => {
    const url = `${serve.info.url}/v1/default`;
    const isEnded = async (): Promise<boolean> =>
      (await ask<TransactionState>('GET', `${url}/transactions/${transactionalId}`))?.body.state === 'empty';
    await until('the transaction has ended', isEnded, 30_000);
    const bodies: number[] = [];
    for (;;) {
      const fields = { max: 1_000, auto_ack: true };
      const taken = await ask<Deliveries>('POST', `${url}/queues/${queue}/deliveries`, fields);
      const { deliveries } = taken!.body;
      if (deliveries.length === 0) return bodies;
      bodies.push(...deliveries.map(({ body }) => body as number));
    }
  };

  /** Ten times what is in one topic, in another, by a group. */
  const multiply = (): GroupConsumer => {
    const producer = posthorn.transactionalProducer({ transactionalId: 'tenfold', lingerMs: 1 });
    return posthorn.consumer({
      group: 'tenfold',
      topics: ['single'],
      isolation: 'read_committed',
      commit: 'manual',
      concurrency: 1,
      sessionTimeoutMs: 5_000,
      waitMs: 500,
      retry: { scheduleMs: Array.from({ length: 200 }, () => 100) },
      eachBatch: (batch) =>
        producer.run((transaction) => {
          for (const record of batch.records) {
            const value = valueOf(record) * 10;
            void transaction.send('tenfold', { value, partition: record.partition });
          }
          return transaction.sendOffsets(batch.owner, [batch.position]);
        }),
    });
  };

  it(
    'has each record once, in order, and transactions whole',
    { timeout: 60_000 + KILLS * 20_000 },
    async () => {
      let isOver = false;
      let sent = 0;
      let ended = 0;
      const committed: number[] = [];
      const aborted: number[] = [];

      const single = async (): Promise<void> => {
        await using producer = posthorn.producer({ lingerMs: 1, batchBytes: 2_000 });
        const sends: Promise<unknown>[] = [];
        for (; !isOver; sent++) {
          sends.push(producer.send('single', { value: sent, partition: sent % PARTITIONS }));
          if (sent % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
          if (sends.length > 500) await Promise.all(sends.splice(0));
        }
        await Promise.all(sends);
      };

      const together = async (): Promise<void> => {
        await using producer = posthorn.transactionalProducer({ transactionalId: 'together' });
        for (let n = 0; !isOver; n++) {
          const isCommitted = n % 4 !== 3;
          await producer.begin();
          for (let partition = 0; partition < PARTITIONS; partition++) {
            void producer.send('together', { value: n, partition });
          }
          void producer.sendToQueue('notices', { body: n });
          try {
            await (isCommitted ? producer.commit() : producer.abort());
          } catch (error) {
            // A restart that took longer than the transaction may: it is aborted, which the producer is told.
            if (!(error instanceof PosthornError && error.code === 'transaction_aborted')) throw error;
            aborted.push(n);
            continue;
          }
          (isCommitted ? committed : aborted).push(n);
          ended += 1;
        }
      };

      const multiplier = multiply();
      multiplier.done.catch(() => (isOver = true));
      const work = Promise.all([single(), together()]);
      work.catch(() => (isOver = true));
      for (let kills = 0; kills < KILLS && !isOver; kills++) {
        await new Promise((resolve) => setTimeout(resolve, 200 + Math.floor(random() * 1_000)));
        await kill(kills % 3 === 2);
        const [sentThen, endedThen] = [sent, ended];
        await until('the producers go on', () => isOver || (sent > sentThen && ended > endedThen), 30_000);
      }
      isOver = true;
      await work;
      const isCopied = async (): Promise<boolean> => {
        const offsets = await posthorn.groups.offsets('tenfold');
        return offsets.length === PARTITIONS && offsets.every(({ lag }) => lag === 0);
      };
      await Promise.race([until('all is copied', isCopied, 60_000), multiplier.done]);
      await multiplier.stop();

      for (let partition = 0; partition < PARTITIONS; partition++) {
        const count = Math.ceil((sent - partition) / PARTITIONS);
        const expected = Array.from({ length: count }, (_, i) => i * PARTITIONS + partition);
        expect(await read('single', partition)).toEqual(expected);
        expect(await read('tenfold', partition)).toEqual(expected.map((value) => value * 10));
        expect(await read('together', partition)).toEqual(committed);
      }
      expect((await drain('notices', 'together')).toSorted((a, b) => a - b)).toEqual(committed);
      console.log(
        `${KILLS} kills; ${sent} records, each copied once, ${committed.length} commits, ${aborted.length} aborts`,
      );
    },
  );
});

const valueOf = (record: ReceivedRecord): number => record.json<number>()!;
