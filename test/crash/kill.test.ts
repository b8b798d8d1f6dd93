/**
 * What was acknowledged survives kill -9 in the middle of a load: of the runtime alone, which the broker starts again
 * under the producers, and of the whole process tree, after which another broker takes over the folder.
 *
 * `KILLS=20` for more rounds, `SEED=<n>` to choose the moments and the batches again. (What the runtime happens to be
 * doing at a moment does not follow from the seed.)
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answers, isAlive, ServeProcess, until } from '../support/serve-process.ts';
import { Ledger } from './ledger.ts';
import { readPartition, readTail, startLoad } from './load.ts';
import { randomFrom } from './random.ts';

const KILLS = Number(process.env['KILLS'] ?? 3);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const PARTITIONS = 4;
const CONNECTIONS = 8;
const ROUND_MS_MAX = 20_000;

describe(`a broker killed ${KILLS} times (SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  const ledger = new Ledger();
  let folder: string;
  let serve: Awaited<ReturnType<typeof ServeProcess.start>>;

  const start = async (): Promise<void> => {
    serve = await ServeProcess.start({ POSTHORN_DATA: folder });
  };
  const topicUrl = (): string => `${serve.info.url}/v1/default/topics/crash`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'posthorn-kill-'));
    await start();
    const response = await fetch(topicUrl(), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ partitions: PARTITIONS }),
    });
    expect(response.status).toBe(201);
    console.log(`seed ${SEED}`);
  });

  afterAll(async () => {
    serve.killGroup('SIGKILL');
    await serve.exit;
    console.log(`${KILLS} kills, ${ledger.sentCount} records sent, ${ledger.acknowledgedCount} acknowledged`);
    rmSync(folder, { recursive: true, force: true });
  });

  /** Its own workerd, which another round may have replaced. */
  const killRuntime = async (): Promise<void> => {
    const { workerdPid } = serve.info;
    process.kill(workerdPid, 'SIGKILL');
    await until('workerd is gone', () => !isAlive(workerdPid));
    await until('the broker answers again', () => answers(serve.info.url));
  };

  const killAll = async (): Promise<void> => {
    const { workerdPid } = serve.info;
    serve.killGroup('SIGKILL');
    await serve.exit;
    await until('workerd is gone', () => !isAlive(workerdPid));
  };

  const check = async (): Promise<void> => {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    const found = await Promise.all(partitions.map((partition) => readPartition(topicUrl(), partition)));
    expect(ledger.check(found).slice(0, 20)).toEqual([]);
    for (const partition of partitions) {
      const tail = await readTail(topicUrl(), partition, 10);
      expect(tail.next_offset).toBe(found[partition]!.length);
      expect(tail.high_watermark).toBe(found[partition]!.length);
      expect(tail.records.map(({ value }) => value)).toEqual(
        found[partition]!.slice(-10).map(({ value }) => value),
      );
    }
  };

  for (let round = 0; round < KILLS; round++) {
    const isWhole = round % 2 === 1;
    const moment = 200 + Math.floor(random() * 1_300);
    const title = `keeps what it acknowledged when ${isWhole ? 'all of it' : 'workerd'} is killed after ${moment} ms`;
    it(title, { timeout: ROUND_MS_MAX }, async () => {
      const before = ledger.acknowledgedCount;
      const load = startLoad(topicUrl(), {
        partitions: PARTITIONS,
        connections: CONNECTIONS,
        name: `r${round}`,
        random: random.fork(),
        ledger,
      });
      await new Promise((resolve) => setTimeout(resolve, moment));
      const killed = isWhole ? killAll() : killRuntime();
      // The producers go on into the restart.
      await killed;
      const atRestart = ledger.acknowledgedCount;
      expect(atRestart).toBeGreaterThan(before);
      if (!isWhole) await until('the log goes on', () => ledger.acknowledgedCount > atRestart);
      await load.stop();
      if (isWhole) {
        await start();
      } else {
        serve.killGroup('SIGTERM');
        expect(await serve.exit).toBe(0);
        await start();
      }
      await check();
    });
  }

  it('takes records after all of it', async () => {
    const before = ledger.acknowledgedCount;
    const load = startLoad(topicUrl(), {
      partitions: PARTITIONS,
      connections: CONNECTIONS,
      name: 'last',
      random: random.fork(),
      ledger,
    });
    await until('the log goes on', () => ledger.acknowledgedCount > before + 1_000);
    await load.stop();
    await check();
  });
});
