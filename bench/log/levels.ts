/**
 * Benchmark of consume levels: what each costs relative to the default in the same run, through the SDK. A backlog is
 * published, then consumed: rates and rows are of consuming alone. A group that copies a topic into another has the
 * produces of its results in them, because with exactly-once they are one transaction with its offsets.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PartitionState } from '../../protocol/schemas/topics.ts';
import type { TransactionState } from '../../protocol/schemas/transactions.ts';
import { Posthorn, sqliteStore, sqliteTransactionStore } from '../../sdk/index.ts';
import { median } from '../runtime/client.ts';
import { withRuntime } from '../runtime/runtime.ts';

const BODY_BYTES = 100;
const BATCH_RECORDS = 500;

const QUEUE_LEVELS = [
  'at-least-once',
  'at-least-once, by polls',
  'at-most-once',
  'exactly-once, sqliteTransactionStore',
  'exactly-once, sqliteStore',
] as const;
const GROUP_LEVELS = [
  'at-least-once',
  'at-most-once',
  'copying at-least-once',
  'copying exactly-once',
] as const;

type QueueLevel = (typeof QUEUE_LEVELS)[number];
type GroupLevel = (typeof GROUP_LEVELS)[number];

interface Round {
  kind: 'queue' | 'group';
  level: QueueLevel | GroupLevel;
  /** Messages or records per second. */
  rate: number;
  /** By the broker, for 1,000 messages or records. */
  rowsPerThousand: number;
}

export interface LevelsResult {
  rounds: Round[];
  /** Rate over that of the default in the same round, median of the rounds: by kind and level. */
  ratio: Record<string, number>;
}

export async function benchLevels(
  count: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<LevelsResult> {
  const all: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const contenders = [
      ...QUEUE_LEVELS.map((level) => ({ level, run: () => queueRound(level, count) })),
      ...GROUP_LEVELS.map((level) => ({ level, run: () => groupRound(level, count) })),
    ];
    for (const { level, run } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      progress(`levels, round ${round + 1} of ${rounds}: ${level}`);
      all.push(await run());
    }
  }
  const rates = (kind: string, level: string): number[] =>
    all.filter((one) => one.kind === kind && one.level === level).map(({ rate }) => rate);
  const ratioOf = (kind: string, level: string, base: string): number =>
    median(rates(kind, level).map((rate, round) => rate / rates(kind, base)[round]!));
  const ratio: Record<string, number> = {};
  for (const level of QUEUE_LEVELS) ratio[`queue ${level}`] = ratioOf('queue', level, 'at-least-once');
  for (const level of GROUP_LEVELS) {
    const base = level.startsWith('copying') ? 'copying at-least-once' : 'at-least-once';
    ratio[`group ${level}`] = ratioOf('group', level, base);
  }
  return { rounds: all, ratio };
}

async function queueRound(level: QueueLevel, count: number): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-levels-'));
  const database = new DatabaseSync(join(folder, 'handled.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  try {
    return await withRuntime('posthorn', async ({ url }) => {
      const posthorn = new Posthorn({ url });
      await posthorn.queues.declare('bench');
      const publisher = posthorn.publisher({ messageIds: true });
      const body = new TextEncoder().encode('abcdefghij'.repeat(BODY_BYTES / 10));
      for (let i = 0; i < count; i++) {
        void publisher.sendToQueue('bench', { body });
        await publisher.ready();
      }
      await publisher.close();
      const rows = async (): Promise<number> => (await posthorn.queues.get('bench')).state.meter.rowsWritten;
      const before = await rows();
      const all = Promise.withResolvers<void>();
      let handled = 0;
      const handle = (): void => void (++handled === count && all.resolve());
      const startMs = performance.now();
      const consumer = posthorn.consumer(
        'bench',
        handle,
        level.startsWith('exactly-once')
          ? {
              delivery: 'exactly-once',
              handled: level.endsWith('sqliteStore')
                ? sqliteStore(database)
                : sqliteTransactionStore(database),
            }
          : level === 'at-most-once'
            ? { delivery: 'at-most-once' }
            : { delivery: 'at-least-once', ...(level.endsWith('polls') && { transport: 'poll' as const }) },
      );
      await all.promise;
      await consumer.stop();
      const seconds = (performance.now() - startMs) / 1_000;
      const rowsPerThousand = ((await rows()) - before) / (count / 1_000);
      return { kind: 'queue', level, rate: count / seconds, rowsPerThousand };
    });
  } finally {
    database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function groupRound(level: GroupLevel, count: number): Promise<Round> {
  return await withRuntime('posthorn', async (client) => {
    const posthorn = new Posthorn({ url: client.url });
    await posthorn.topics.declare('from');
    await posthorn.topics.declare('to');
    const producer = posthorn.producer();
    const value = new TextEncoder().encode('abcdefghij'.repeat(BODY_BYTES / 10));
    for (let i = 0; i < count; i++) {
      void producer.send('from', { value });
      await producer.ready();
    }
    await producer.flush();
    const rows = async (): Promise<number> => {
      const meterOf = async <State extends { meter: { rows_written: number } }>(
        path: string,
      ): Promise<number> => {
        const { body } = await client.send('GET', `/v1/default/${path}`);
        return (JSON.parse(body.toString()) as State).meter.rows_written;
      };
      const topics = await Promise.all(
        ['from', 'to'].map((topic) => meterOf<PartitionState>(`topics/${topic}/partitions/0`)),
      );
      const isTransaction = level === 'copying exactly-once';
      const transaction = isTransaction ? await meterOf<TransactionState>('transactions/bench') : 0;
      return topics.reduce((sum, each) => sum + each, transaction);
    };
    const transactional = posthorn.transactionalProducer({ transactionalId: 'bench' });
    if (level === 'copying exactly-once') await transactional.run((each) => each.send('to', { value }));
    const before = await rows();
    const all = Promise.withResolvers<void>();
    let handled = 0;
    const note = (records: number): void => void ((handled += records) === count && all.resolve());
    const options = { group: 'bench', topics: ['from'], maxBatchRecords: BATCH_RECORDS };
    const startMs = performance.now();
    const consumer =
      level === 'copying exactly-once'
        ? posthorn.consumer({
            ...options,
            delivery: 'exactly-once',
            producer: transactional,
            eachBatch: ({ records }, transaction) => {
              void transaction.sendBatch(
                'to',
                records.map((record) => ({ value: record.value! })),
              );
              note(records.length);
            },
          })
        : posthorn.consumer({
            ...options,
            delivery: level === 'at-most-once' ? 'at-most-once' : 'at-least-once',
            eachBatch: async ({ records }) => {
              if (level === 'copying at-least-once') {
                await producer.sendBatch(
                  'to',
                  records.map((record) => ({ value: record.value! })),
                );
              }
              note(records.length);
            },
          });
    await all.promise;
    await consumer.stop();
    const seconds = (performance.now() - startMs) / 1_000;
    await producer.close();
    await transactional.close();
    return {
      kind: 'group',
      level,
      rate: count / seconds,
      rowsPerThousand: ((await rows()) - before) / (count / 1_000),
    };
  });
}

export function printLevels({ rounds, ratio }: LevelsResult): void {
  console.log(`\nLevels of consuming: ${BODY_BYTES} B, batches of ${BATCH_RECORDS} for groups`);
  console.table(
    rounds.map(({ rate, rowsPerThousand, ...round }) => ({
      ...round,
      rate: Math.round(rate),
      rowsPerThousand: rowsPerThousand.toFixed(2),
    })),
  );
  console.log('ratio to the default:', ratio);
}
