/**
 * Benchmark of the Kafka gateway beside Kafka itself, with clients of Kafka: Java's ProducerPerformance and ConsumerPerformance, and kcat,
 * acks=all, 100 B a record. The gateway is a process of its own. Kafka flushes each batch, as Posthorn does. Also the rows that records
 * and transactions write.
 */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { measureRates } from '../scripts/interop/kafka-tools.ts';
import { canRunKafka, startKafka } from '../scripts/peers/kafka.ts';
import type { TransactionState } from '../protocol/schemas/transactions.ts';
import { Posthorn } from '../sdk/index.ts';
import { median } from './runtime/client.ts';
import { withRuntime } from './runtime/runtime.ts';

const run = promisify(execFile);
const RECORD = 'x'.repeat(100);
const PARTITIONS = 3;
const TRANSACTIONS = 50;
const TOOL_MS_MAX = 300_000;

/** Records a second, in and out. Null: the tool is not installed. */
export interface KafkaRates {
  java: { produce: number; consume: number } | null;
  kcat: { produce: number; consume: number } | null;
}

export interface KafkaResult {
  records: number;
  /** Of Posthorn's gateway and of Kafka, in turn. */
  rounds: { ours: KafkaRates; kafka: KafkaRates | null }[];
  /** Ours over Kafka's, the median of the rounds; null without Kafka. */
  ratio: Record<'javaProduce' | 'javaConsume' | 'kcatProduce' | 'kcatConsume', number | null>;
  rowsPerThousandRecords: number;
  /** Of a record in each of three partitions, beyond what the records write by themselves. */
  rowsPerTransaction: number;
}

export async function benchKafka(
  records: number,
  rounds: number,
  progress: (text: string) => void,
): Promise<KafkaResult> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const file = join(folder, 'records.txt');
  await writeFile(file, `${RECORD}\n`.repeat(records));
  const hasKcat = await run('kcat', ['-V']).then(
    () => true,
    () => false,
  );
  const rates = async (address: string): Promise<KafkaRates> => ({
    java: canRunKafka() ? await measureRates(address, records) : null,
    kcat: hasKcat ? await kcatRates(address, file, records) : null,
  });
  const all: KafkaResult['rounds'] = [];
  let rows = { perThousandRecords: NaN, perTransaction: NaN };
  try {
    for (let round = 0; round < rounds; round++) {
      const measureOurs = (): Promise<KafkaRates> => {
        progress(`kafka: round ${round + 1} of ${rounds}, the gateway`);
        return withGateway(async (address, url) => {
          const measured = await rates(address);
          if (round === 0) rows = await rowsOf(address, url, records);
          return measured;
        });
      };
      const measureKafka = async (): Promise<KafkaRates | null> => {
        if (!canRunKafka()) return null;
        progress(`kafka: round ${round + 1} of ${rounds}, Kafka`);
        const kafka = await startKafka();
        try {
          return await rates(kafka.server);
        } finally {
          await kafka.stop();
        }
      };
      if (round % 2 === 0) {
        const ours = await measureOurs();
        all.push({ ours, kafka: await measureKafka() });
      } else {
        const kafka = await measureKafka();
        all.push({ ours: await measureOurs(), kafka });
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const ratio = (tool: keyof KafkaRates, way: 'produce' | 'consume'): number | null => {
    const ratios = all.flatMap(({ ours, kafka }) => {
      const [a, b] = [ours[tool]?.[way], kafka?.[tool]?.[way]];
      return a === undefined || b === undefined ? [] : [a / b];
    });
    return ratios.length === 0 ? null : median(ratios);
  };
  return {
    records,
    rounds: all,
    ratio: {
      javaProduce: ratio('java', 'produce'),
      javaConsume: ratio('java', 'consume'),
      kcatProduce: ratio('kcat', 'produce'),
      kcatConsume: ratio('kcat', 'consume'),
    },
    rowsPerThousandRecords: rows.perThousandRecords,
    rowsPerTransaction: rows.perTransaction,
  };
}

async function withGateway<Result>(use: (address: string, url: string) => Promise<Result>): Promise<Result> {
  return await withRuntime('posthorn', async ({ url }) => {
    const { gateway, port } = await startGateway(url);
    try {
      return await use(`127.0.0.1:${port}`, url);
    } finally {
      gateway.kill('SIGTERM');
      await once(gateway, 'exit');
    }
  });
}

async function startGateway(url: string): Promise<{ gateway: ChildProcess; port: number }> {
  const script = join(import.meta.dirname, '../gateway/main.ts');
  const words = [script, '--url', url, '--kafka', '0', '--kafka-auto-create'];
  const gateway = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(gateway.stdout!), 'line')) as [string];
  return { gateway, port: Number(/:(\d+),/.exec(line)![1]) };
}

async function kcatRates(
  address: string,
  file: string,
  records: number,
): Promise<NonNullable<KafkaRates['kcat']>> {
  const kcat = async (...words: string[]): Promise<number> => {
    const startMs = performance.now();
    const options = ['-b', address, '-t', 'kcat', '-q', ...words];
    const { stdout } = await run('kcat', options, { timeout: TOOL_MS_MAX, maxBuffer: 1024 ** 3 });
    const seconds = (performance.now() - startMs) / 1_000;
    const isWhole = words[0] !== '-C' || stdout.length === records * (RECORD.length + 1);
    if (!isWhole) throw new Error(`kcat read ${stdout.length} bytes of ${records} records`);
    return records / seconds;
  };
  const produce = await kcat('-P', '-X', 'acks=all', '-l', file);
  return { produce, consume: await kcat('-C', '-o', 'beginning', '-e') };
}

/** What Java's producer has written in its topic, and what transactions of three partitions write. */
async function rowsOf(
  address: string,
  url: string,
  records: number,
): Promise<{ perThousandRecords: number; perTransaction: number }> {
  const posthorn = new Posthorn({ url });
  const topic = canRunKafka() ? 'rated' : 'kcat';
  const { meter } = await posthorn.topics.describePartition(topic, 0);
  const perThousandRecords = (1_000 * meter.rowsWritten) / records;
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const written = async (name: string, transactionalId: string | null): Promise<number> => {
    let rows = 0;
    if (transactionalId !== null) {
      const path = `v1/default/transactions/${transactionalId}`;
      const reply = await fetch(new URL(path, url));
      rows = ((await reply.json()) as TransactionState).meter.rows_written;
    }
    for (let partition = 0; partition < PARTITIONS; partition++) {
      rows += (await posthorn.topics.describePartition(name, partition)).meter.rowsWritten;
    }
    return rows;
  };
  const messages = Array.from({ length: PARTITIONS }, (_, partition) => ({ value: RECORD, partition }));
  const send = async (name: string, transactionalId: string | null): Promise<number> => {
    await posthorn.topics.declare(name, { partitions: PARTITIONS });
    const producer = kafka.producer(
      transactionalId === null ? { idempotent: true } : { transactionalId, maxInFlightRequests: 1 },
    );
    await producer.connect();
    const once = async (): Promise<void> => {
      if (transactionalId === null) return void (await producer.send({ topic: name, messages }));
      const transaction = await producer.transaction();
      await transaction.send({ topic: name, messages });
      await transaction.commit();
    };
    await once(); // what is made once is made
    const before = await written(name, transactionalId);
    for (let nth = 0; nth < TRANSACTIONS; nth++) await once();
    await producer.disconnect();
    return ((await written(name, transactionalId)) - before) / TRANSACTIONS;
  };
  const plain = await send('plain', null);
  return { perThousandRecords, perTransaction: (await send('transacted', 'bench')) - plain };
}

export function printKafka({ records, rounds, ratio, ...rows }: KafkaResult): void {
  console.log(
    `\nKafka's clients at the gateway, and at Kafka (flush each batch): ${records} records of 100 B`,
  );
  const perSecond = (value: number | undefined): string =>
    value === undefined ? '-' : `${Math.round(value / 1_000)} k/s`;
  console.table(
    rounds.flatMap(({ ours, kafka }) =>
      Object.entries({ gateway: ours, Kafka: kafka }).map(([who, rates]) => ({
        who,
        'Java in': perSecond(rates?.java?.produce),
        'Java out': perSecond(rates?.java?.consume),
        'kcat in': perSecond(rates?.kcat?.produce),
        'kcat out': perSecond(rates?.kcat?.consume),
      })),
    ),
  );
  const text = (value: number | null): string => value?.toFixed(2) ?? '-';
  console.log(
    `ratios: Java in ${text(ratio.javaProduce)}, out ${text(ratio.javaConsume)}; kcat in ${text(ratio.kcatProduce)}, out ${text(ratio.kcatConsume)}`,
  );
  console.log(
    `rows written: ${rows.rowsPerThousandRecords.toFixed(2)} for 1,000 records; ${rows.rowsPerTransaction.toFixed(2)} for a transaction over three partitions, beside its records`,
  );
}
