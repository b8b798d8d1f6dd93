/**
 * Idempotent and transactional producers of the SDK write on while the runtime is killed under them (kill -9) and started
 * again. They repeat what they got no answer to; nothing may be there twice, out of order, or half.
 *
 * `KILLS=20` for more, `SEED=<n>` to choose the moments again.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn, PosthornError, type ReceivedRecord } from '../../sdk/index.ts';
import { answers, isAlive, ServeProcess, until } from '../support/serve-process.ts';
import { randomFrom } from './random.ts';

const KILLS = Number(process.env['KILLS'] ?? 3);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
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

      for (let partition = 0; partition < PARTITIONS; partition++) {
        const count = Math.ceil((sent - partition) / PARTITIONS);
        const expected = Array.from({ length: count }, (_, i) => i * PARTITIONS + partition);
        expect(await read('single', partition)).toEqual(expected);
        expect(await read('together', partition)).toEqual(committed);
      }
      console.log(`${KILLS} kills; ${sent} records, ${committed.length} commits, ${aborted.length} aborts`);
    },
  );
});

const valueOf = (record: ReceivedRecord): number => record.json<number>()!;
