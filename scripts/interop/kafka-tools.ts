/** Tools of Kafka 4.4, in Java: produce and consume at their rates, and copy a topic in transactions by a program that is killed. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { kafkaClassPath } from '../peers/kafka.ts';

const run = promisify(execFile);
const RUN_MS_MAX = 120_000;
const RATED = 500_000;
const COPIED = 3_000;

/**
 * A copier ends if it cannot learn for 60 s where it was. That happens with Kafka's own broker too, when the one before was killed
 * while its offsets were on their way: they stay open until their transaction times out.
 */
const FAILURES_MAX = 2;

/** The packages of tools. */
const TOOLS = 'org.apache.kafka.tools';

async function tool(name: string, args: readonly string[]): Promise<string> {
  const java = ['-Xmx512m', '-cp', await kafkaClassPath(), `${TOOLS}.${name}`, ...args];
  const { stdout } = await run('java', java, { timeout: RUN_MS_MAX, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

/** Says the rates of ProducerPerformance and ConsumerPerformance. */
export async function tellRates(address: string): Promise<string> {
  const { produce, consume } = await measureRates(address, RATED);
  const inThousands = (rate: number): string => `${Math.round(rate / 1_000)} k/s`;
  return `${RATED} records of 100 B with acks=all: ${inThousands(produce)} in, ${inThousands(consume)} out`;
}

/** @returns records a second, in and out of the topic `rated` */
export async function measureRates(
  address: string,
  records: number,
): Promise<{ produce: number; consume: number }> {
  const common = ['--bootstrap-server', address, '--topic', 'rated', '--num-records', String(records)];
  const produced = await tool('ProducerPerformance', [
    ...common,
    ...['--record-size', '100', '--throughput', '-1', '--command-property', 'acks=all'],
  ]);
  const consumed = await tool('ConsumerPerformance', [
    ...common,
    ...['--hide-header', '--timeout', '60000'],
    ...['--command-property', 'auto.offset.reset=earliest'],
  ]);
  const sent = /([\d.]+) records\/sec/.exec(produced.split('\n').at(-1)!)![1];
  // Start, end, MB, MB/s, records, records/s, ...
  const fields = consumed.split('\n').at(-1)!.split(',');
  if (Number(fields[4]) < records) throw new Error(`consumed ${fields[4]} of ${records} records`);
  return { produce: Number(sent), consume: Number(fields[5]) };
}

/** TransactionalMessageCopier with random aborts, killed twice on its way. */
export async function copyInTransactions(address: string): Promise<string> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    const topics = ['originals', 'copies'].map((topic) => ({
      topic,
      numPartitions: 1,
      replicationFactor: 1,
    }));
    await admin.createTopics({ topics, waitForLeaders: true });
    const producer = kafka.producer();
    await producer.connect();
    const values = Array.from({ length: COPIED }, (_, at) => `record ${at}`);
    await producer.send({ topic: 'originals', messages: values.map((value) => ({ value })) });
    await producer.disconnect();

    let kills = 0;
    let failures = 0;
    for (let isDone = false; !isDone;) {
      const copier = await startCopier(address);
      const ended = once(copier, 'exit');
      if (kills < 2) {
        await until(async () => (await committedOf(admin)) > ((kills + 1) * COPIED) / 4, copier);
        if (copier.exitCode === null) kills += 1;
        copier.kill('SIGKILL');
      }
      await ended;
      isDone = copier.exitCode === 0;
      if (!isDone && copier.signalCode === null && ++failures > FAILURES_MAX)
        throw new Error('the copier has failed');
    }
    const copies = await tool('consumer.ConsoleConsumer', [
      ...['--bootstrap-server', address, '--topic', 'copies', '--from-beginning', '--timeout-ms', '5000'],
      ...['--isolation-level', 'read_committed'],
    ]);
    const seen = copies.split('\n').filter((line) => line.startsWith('record '));
    if (seen.join() !== values.join())
      throw new Error(`${seen.length} copies: ${seen.slice(0, 3).join(', ')}`);
    return `${COPIED} records copied once and in order, with random aborts, ${kills} kills and ${failures} failures of its own`;
  } finally {
    await admin.disconnect();
  }
}

async function startCopier(address: string): Promise<ChildProcess> {
  const args = [
    ...['--input-topic', 'originals', '--input-partition', '0', '--output-topic', 'copies'],
    ...['--broker-list', address, '--consumer-group', 'copiers', '--transactional-id', 'copier'],
    ...['--transaction-size', '20', '--enable-random-aborts', '--use-group-metadata'],
  ];
  const java = ['-Xmx512m', '-cp', await kafkaClassPath(), `${TOOLS}.TransactionalMessageCopier`, ...args];
  return spawn('java', java, { stdio: 'ignore' });
}

/** 0 until the broker has a coordinator for the group. */
async function committedOf(admin: ReturnType<Kafka['admin']>): Promise<number> {
  const asked = admin.fetchOffsets({ groupId: 'copiers', topics: ['originals'] });
  const [topic] = await asked.catch(() => []);
  return Number(topic?.partitions[0]?.offset ?? 0);
}

/** Also where the copier ends by itself. */
async function until(isDone: () => Promise<boolean>, copier: ChildProcess): Promise<void> {
  const endMs = performance.now() + RUN_MS_MAX;
  while (copier.exitCode === null && !(await isDone())) {
    if (performance.now() > endMs) throw new Error('the copier does not go on');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
