/**
 * Kafka Streams against the gateway, and against Kafka: a word count with `exactly_once_v2` that is killed half-way. Its jars come from Maven
 * Central when it first runs. Wants Java 17 and `mvn`.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { KAFKA_VERSION } from '../peers/kafka.ts';

const ROOT = join(import.meta.dirname, '../..');
const JARS = join(ROOT, 'dist/peers/kafka-streams', KAFKA_VERSION);
const PROGRAM = join(ROOT, 'test/interop/kafka/streams/WordCount.java');

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>posthorn</groupId><artifactId>kafka-streams-peer</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams</artifactId><version>${KAFKA_VERSION}</version></dependency>
  </dependencies>
</project>
`;

const WORDS = ['post', 'horn', 'rider', 'letter', 'road', 'horse', 'inn'];
const LINES = 3_000;
const RUN_MS_MAX = 120_000;

/** @returns what was shown */
export async function countWords(address: string): Promise<string> {
  const jars = join(await classPath(), '*');
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-streams-'));
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const producer = kafka.producer();
  await producer.connect();
  const consumer = kafka.consumer({ groupId: 'checker', readUncommitted: false });
  const topics = ['lines', 'counts'].map((topic) => ({ topic, numPartitions: 2, replicationFactor: 1 }));
  await admin.createTopics({ topics });
  await ledTopics(admin, topics.length);
  let program = start(jars, address, join(folder, 'first'));
  try {
    const counts = new Map<string, number>();
    const repeated: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: ['counts'], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        const word = message.key!.toString();
        const count = Number(message.value!.readBigInt64BE());
        if (count !== (counts.get(word) ?? 0) + 1) repeated.push(`${word} ${counts.get(word)} ${count}`);
        counts.set(word, count);
      },
    });
    const lines = Array.from({ length: LINES }, (_, at) => `${WORDS[at % 7]} ${WORDS[(at * 3) % 7]}`);
    const total = (): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
    for (let at = 0; at < LINES; at += 100) {
      const messages = lines.slice(at, at + 100).map((value) => ({ value }));
      await producer.send({ topic: 'lines', messages });
      if (at !== LINES / 2) continue;
      await until(() => total() > LINES / 4, program);
      program.kill('SIGKILL');
      // Another folder: its state has to come from the changelog.
      program = start(jars, address, join(folder, 'second'));
    }
    await until(() => total() >= 2 * LINES, program);
    const expected = Map.groupBy(
      lines.flatMap((line) => line.split(' ')),
      (word) => word,
    );
    for (const [word, all] of expected) {
      if (counts.get(word) !== all.length) throw new Error(`${word}: ${counts.get(word)}, not ${all.length}`);
    }
    if (repeated.length > 0) throw new Error(`counts that do not follow: ${repeated.slice(0, 5).join(', ')}`);
    return `${2 * LINES} words counted once each, though the application was killed half-way`;
  } finally {
    program.kill('SIGKILL');
    await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Kafka answers before its own metadata has the topics. */
async function ledTopics(admin: Admin, count: number): Promise<void> {
  for (const endMs = performance.now() + RUN_MS_MAX; performance.now() < endMs;) {
    const found = await admin.fetchTopicMetadata({ topics: ['lines', 'counts'] }).catch(() => null);
    if (found?.topics.filter(({ partitions }) => partitions.length > 0).length === count) return;
  }
  throw new Error('the topics are not there');
}

function start(jars: string, address: string, folder: string): ChildProcess {
  return spawn('java', ['-Xmx512m', '-cp', jars, PROGRAM, address, folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function until(isDone: () => boolean, program: ChildProcess): Promise<void> {
  const endMs = performance.now() + RUN_MS_MAX;
  while (!isDone()) {
    if (program.exitCode !== null) throw new Error('the application has ended by itself');
    if (performance.now() > endMs) throw new Error('the application does not come to its end');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function classPath(): Promise<string> {
  if (existsSync(JARS)) return JARS;
  const folder = `${JARS}.new`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'pom.xml'), POM);
  const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}/jars`];
  const maven = spawnSync('mvn', args, { cwd: folder, encoding: 'utf8' });
  if (maven.status !== 0) throw new Error(`mvn failed\n${maven.stdout}${maven.stderr}`);
  await rename(join(folder, 'jars'), JARS);
  await rm(folder, { recursive: true, force: true });
  return JARS;
}
