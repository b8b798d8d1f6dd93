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
import { SEED } from '../support/seed.ts';
import { answers, isAlive, ServeProcess, until } from '../support/broker/serve-process.ts';
import { GroupLedger } from './ledgers/group-ledger.ts';
import { committedOffsets, readRest, startGroupLoad } from './loads/group-load.ts';
import { Ledger } from './ledgers/ledger.ts';
import { put } from './http.ts';
import { readPartition, readTail, startLoad, type Load } from './loads/load.ts';
import { OnceLedger } from './ledgers/once-ledger.ts';
import { QueueLedger } from './ledgers/queue-ledger.ts';
import { declareQueueLoad, emptyQueue, startQueueLoad } from './loads/queue-load.ts';
import { randomFrom } from './random.ts';
import { declareReplayLoad, settleReplayed, startReplayLoad } from './loads/replay-load.ts';
import { acceptRest, declareShareLoad, startShareLoad } from './loads/share-load.ts';

const KILLS = Number(process.env['KILLS'] ?? 3);
const PARTITIONS = 4;
const CONNECTIONS = 4;
const PUBLISHERS = 3;
const CONSUMERS = 3;
const MEMBERS = 3;
const SHARE_MEMBERS = 2;
const ROUND_MS_MAX = 120_000;
/** Only against a broker that does nothing. */
const MOVING_MS_MAX = 30_000;

describe(`a broker killed ${KILLS} times (SEED=${SEED})`, () => {
  const random = randomFrom(SEED);
  const ledger = new Ledger();
  const queueLedger = new QueueLedger();
  const groupLedger = new GroupLedger();
  const shareLedger = new OnceLedger();
  const replayLedger = new OnceLedger();
  let folder: string;
  /** Dead letters that were found. */
  let dead = 0;
  let serve: Awaited<ReturnType<typeof ServeProcess.start>>;

  const start = async (): Promise<void> => {
    serve = await ServeProcess.start({ POSTHORN_DATA: folder });
  };
  const namespaceUrl = (): string => `${serve.info.url}/v1/default`;
  const topicUrl = (): string => `${namespaceUrl()}/topics/crash`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'posthorn-kill-'));
    await start();
    await put(topicUrl(), { partitions: PARTITIONS });
    await declareQueueLoad(namespaceUrl());
    await declareShareLoad(namespaceUrl());
    await declareReplayLoad(namespaceUrl());
    console.log(`seed ${SEED}`);
  });

  afterAll(async () => {
    serve.killGroup('SIGKILL');
    await serve.exit;
    console.log(
      `${KILLS} kills; ${ledger.sentCount} records sent, ${ledger.acknowledgedCount} acknowledged; ` +
        `${queueLedger.storedCount} messages confirmed, ${queueLedger.settledCount} settled, ${dead} dead; ` +
        `${groupLedger.readCount} records read by the group, ${groupLedger.commits} commits; ` +
        `${shareLedger.storedCount} records shared, ${shareLedger.doneCount} accepted or given up; ` +
        `${replayLedger.storedCount} messages to die and come back, ${replayLedger.doneCount} settled`,
    );
    rmSync(folder, { recursive: true, force: true });
  });

  /** Its own workerd, which another round may have replaced. */
  const killRuntime = async (): Promise<void> => {
    const { workerdPid } = serve.info;
    process.kill(workerdPid, 'SIGKILL');
    await until('workerd is gone', () => !isAlive(workerdPid));
    await until('the broker answers again', () => answers(serve.info.url), MOVING_MS_MAX);
  };

  const killAll = async (): Promise<void> => {
    const { workerdPid } = serve.info;
    serve.killGroup('SIGKILL');
    await serve.exit;
    await until('workerd is gone', () => !isAlive(workerdPid));
  };

  /** Producers, publishers, consumers, members of groups and replays at once. */
  const startAll = (name: string): Load => {
    const log = startLoad(topicUrl(), {
      partitions: PARTITIONS,
      connections: CONNECTIONS,
      name,
      random: random.fork(),
      ledger,
    });
    const queue = startQueueLoad(namespaceUrl(), {
      publishers: PUBLISHERS,
      consumers: CONSUMERS,
      name,
      random: random.fork(),
      ledger: queueLedger,
    });
    const group = startGroupLoad(namespaceUrl(), {
      topic: 'crash',
      members: MEMBERS,
      random: random.fork(),
      ledger: groupLedger,
    });
    const share = startShareLoad(namespaceUrl(), {
      members: SHARE_MEMBERS,
      name,
      random: random.fork(),
      ledger: shareLedger,
    });
    const replays = startReplayLoad(namespaceUrl(), { name, random: random.fork(), ledger: replayLedger });
    const all = [log, queue, group, share, replays];
    return { stop: async () => void (await Promise.all(all.map((load) => load.stop()))) };
  };

  const check = async (name: string): Promise<void> => {
    // As the crash has left it, and when everything is read.
    expect(groupLedger.check(await committedOffsets(namespaceUrl())).slice(0, 20)).toEqual([]);
    const offsets = await readRest(namespaceUrl(), 'crash', groupLedger);
    expect(groupLedger.check(offsets).slice(0, 20)).toEqual([]);
    await acceptRest(namespaceUrl(), shareLedger);
    expect(shareLedger.check().slice(0, 20)).toEqual([]);
    await settleReplayed(namespaceUrl(), replayLedger, name);
    expect(replayLedger.check().slice(0, 20)).toEqual([]);
    const inQueue = await emptyQueue(namespaceUrl(), queueLedger);
    expect(queueLedger.check(inQueue.dead, inQueue.inTopic).slice(0, 20)).toEqual([]);
    dead = inQueue.dead.length;
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
      const settledBefore = queueLedger.settledCount;
      const load = startAll(`r${round}`);
      const isMoving = (): boolean =>
        ledger.acknowledgedCount > before && queueLedger.settledCount > settledBefore;
      await until('the load moves', isMoving, MOVING_MS_MAX);
      await new Promise((resolve) => setTimeout(resolve, moment));
      const killed = isWhole ? killAll() : killRuntime();
      // The producers go on into the restart.
      await killed;
      const atRestart = ledger.acknowledgedCount;
      expect(atRestart).toBeGreaterThan(before);
      expect(queueLedger.settledCount).toBeGreaterThan(settledBefore);
      if (!isWhole) await until('the log goes on', () => ledger.acknowledgedCount > atRestart, MOVING_MS_MAX);
      await load.stop();
      if (isWhole) {
        await start();
      } else {
        serve.killGroup('SIGTERM');
        expect(await serve.exit).toBe(0);
        await start();
      }
      await check(`r${round}`);
    });
  }

  it('takes records after all of it', { timeout: ROUND_MS_MAX }, async () => {
    const before = ledger.acknowledgedCount;
    const load = startAll('last');
    await until('the log goes on', () => ledger.acknowledgedCount > before + 1_000, MOVING_MS_MAX);
    await load.stop();
    await check('last');
  });
});
