/**
 * Kafka Connect with Debezium's connector for PostgreSQL against the gateway, and against Kafka: a snapshot, changes, and a worker that is
 * killed while there are more. The worker is a distributed one, so that its settings, offsets and states are in compacted topics. Wants
 * Java 17, `mvn` and PostgreSQL.
 */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { freePorts, LOOPBACK, startPeer } from '../peers/peer-process.ts';

const run = promisify(execFile);
/** Debezium is built against this version, and does not run with 4.4. */
const CONNECT_VERSION = '4.2.1';
const DEBEZIUM_VERSION = '3.6.1.Final';
const JARS = join(import.meta.dirname, '../../dist/peers/kafka-connect', CONNECT_VERSION);
/** Where Debian has it. */
const POSTGRES = '/usr/lib/postgresql';
const RUN_MS_MAX = 120_000;

const dependency = (group: string, name: string, version: string): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>posthorn</groupId><artifactId>kafka-connect-peer</artifactId><version>1</version>
  <dependencies>
    ${dependency('org.apache.kafka', 'connect-runtime', CONNECT_VERSION)}
    ${dependency('io.debezium', 'debezium-connector-postgres', DEBEZIUM_VERSION)}
  </dependencies>
</project>
`;

/** @returns what was shown */
export async function captureChanges(address: string): Promise<string> {
  if (!existsSync(POSTGRES)) return 'left out, since PostgreSQL is not installed';
  const jars = join(await connectJars(), '*');
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-connect-'));
  const [postgresPort, restPort] = (await freePorts(2)) as [number, number];
  const { sql, stop } = await startPostgres(join(folder, 'postgres'), postgresPort);
  const settings = await writeSettings(folder, address, restPort);
  const start = (): ChildProcess =>
    spawn('java', ['-Xmx512m', '-cp', jars, 'org.apache.kafka.connect.cli.ConnectDistributed', settings], {
      stdio: 'ignore',
    });
  let worker: ChildProcess | null = null;
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: 'of-changes' });
  try {
    await sql('CREATE TABLE orders (id int PRIMARY KEY, what text)');
    await sql("INSERT INTO orders SELECT n, 'book ' || n FROM generate_series(1, 100) n");
    worker = start();
    await configure(restPort, postgresPort);
    const rows = new Map<number, string>();
    let changes = 0;
    await until('the snapshot', async () => (await topicsOf(kafka)).includes('shop.public.orders'));
    await consumer.connect();
    await consumer.subscribe({ topic: 'shop.public.orders', fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        const { id } = JSON.parse(String(message.key)) as { id: number };
        const value = message.value && (JSON.parse(String(message.value)) as Change);
        changes++;
        if (value?.after) rows.set(id, value.after.what);
        else rows.delete(id);
      },
    });
    const isAs = async (expected: string): Promise<boolean> =>
      [...rows]
        .toSorted(([a], [b]) => a - b)
        .map(([id, what]) => `${id} ${what}`)
        .join() === expected;
    const table = (): Promise<string> =>
      sql("SELECT string_agg(id || ' ' || what, ',' ORDER BY id) FROM orders");
    const agrees = async (what: string): Promise<void> => {
      const expected = await table();
      await until(what, () => isAs(expected));
    };
    await agrees('the snapshot');
    await sql("UPDATE orders SET what = 'pen ' || id WHERE id % 3 = 0");
    await sql('DELETE FROM orders WHERE id % 10 = 0');
    await agrees('changes');
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await sql("INSERT INTO orders SELECT n, 'ink ' || n FROM generate_series(101, 200) n");
    await sql("UPDATE orders SET what = 'last ' || id WHERE id % 7 = 0");
    worker = start();
    await agrees('what was changed while the worker was away');
    return `a snapshot of 100 rows, updates and deletes, and the same after a kill: ${changes} changes, ${rows.size} rows as in the table`;
  } finally {
    worker?.kill('SIGKILL');
    await consumer.disconnect();
    await stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Change {
  after: { id: number; what: string } | null;
}

async function topicsOf(kafka: Kafka): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

async function writeSettings(folder: string, address: string, port: number): Promise<string> {
  const storages = ['config', 'offset', 'status'].flatMap((name) => [
    [`${name}.storage.topic`, `connect-${name}`],
    [`${name}.storage.replication.factor`, '1'],
  ]);
  const converters = ['key', 'value'].flatMap((name) => [
    [`${name}.converter`, 'org.apache.kafka.connect.json.JsonConverter'],
    [`${name}.converter.schemas.enable`, 'false'],
  ]);
  const settings = [
    ['bootstrap.servers', address],
    ['group.id', 'connect'],
    ['listeners', `http://${LOOPBACK}:${port}`],
    ['plugin.discovery', 'service_load'],
    ['offset.flush.interval.ms', '1000'],
    ...storages,
    ...converters,
  ];
  const path = join(folder, 'worker.properties');
  await writeFile(path, settings.map(([name, value]) => `${name}=${value}\n`).join(''));
  return path;
}

async function configure(port: number, postgresPort: number): Promise<void> {
  const config = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'database.hostname': LOOPBACK,
    'database.port': String(postgresPort),
    'database.user': 'postgres',
    'database.password': 'none',
    'database.dbname': 'postgres',
    'topic.prefix': 'shop',
    'plugin.name': 'pgoutput',
    'table.include.list': 'public.orders',
  };
  const body = JSON.stringify(config);
  const headers = { 'content-type': 'application/json' };
  await until('the worker', async () => {
    const url = `http://${LOOPBACK}:${port}/connectors/orders/config`;
    const reply = await fetch(url, { method: 'PUT', headers, body }).catch(() => null);
    return reply?.ok === true;
  });
}

/** PostgreSQL refuses to run as root. */
const asPostgres = (words: string[]): [string, string[]] =>
  process.getuid?.() === 0 ? ['runuser', ['-u', 'postgres', '--', ...words]] : [words[0]!, words.slice(1)];

async function startPostgres(
  home: string,
  port: number,
): Promise<{ sql: (text: string) => Promise<string>; stop: () => Promise<void> }> {
  const newest = (await readdir(POSTGRES)).toSorted((a, b) => Number(a) - Number(b)).at(-1)!;
  const program = (name: string): string => join(POSTGRES, newest, 'bin', name);
  await mkdir(home);
  if (process.getuid?.() === 0) {
    await chown(home, Number((await run('id', ['-u', 'postgres'])).stdout), -1);
    await run('chmod', ['755', join(home, '..')]);
  }
  const data = join(home, 'data');
  const made = [program('initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'];
  await run(...asPostgres(made), { cwd: '/' });
  const settings = { port, listen_addresses: LOOPBACK, unix_socket_directories: home, wal_level: 'logical' };
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [name, words] = asPostgres([program('postgres'), '-D', data, ...given]);
  const stop = await startPeer(name, words, { port, home });
  const psql = ['-h', LOOPBACK, '-p', String(port), '-U', 'postgres', '-At', '-c'];
  return { stop, sql: async (text) => (await run(program('psql'), [...psql, text])).stdout.trim() };
}

/** Fetches the jars, once. */
async function connectJars(): Promise<string> {
  if (existsSync(JARS)) return JARS;
  const folder = `${JARS}.new`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'pom.xml'), POM);
  const goal = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}/jars`];
  await run('mvn', goal, { cwd: folder });
  await rename(join(folder, 'jars'), JARS);
  await rm(folder, { recursive: true, force: true });
  return JARS;
}

async function until(what: string, isDone: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + RUN_MS_MAX; !(await isDone());) {
    if (performance.now() > endMs) throw new Error(`${what}: it does not come`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
