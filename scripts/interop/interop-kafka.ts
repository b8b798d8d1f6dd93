/**
 * `npm run interop:kafka`: Kafka clients that others have written, against the gateway and a broker of its own. It installs what it
 * needs into `.interop/kafka`. `npm run interop:kafka -- kcat streams` runs those with such words in their names.
 *
 * - kafka-python and confluent-kafka: produce, consume in a group, one after the other, and go on where the group was (needs Python 3)
 * - confluent-kafka: reads, handles and writes in transactions, with fenced and aborted ones between
 * - confluent-kafka in a group by the consumer protocol (KIP-848)
 * - confluent-kafka with TLS: PLAIN, SCRAM, and OAUTHBEARER with a token that it renews; kcat and Java by SCRAM
 * - kcat, if it is installed: the same records with each codec, in and out
 * - in Java, with Maven, also against Kafka 4.4: groups by the consumer protocol and share groups with killed members, TransactionalMessageCopier with random aborts and kills, a word count of Kafka Streams with
 *   `exactly_once_v2` that is killed half-way, Kafka Connect with Debezium (if PostgreSQL is installed) and a kill, ProducerPerformance and ConsumerPerformance
 * - librdkafka's own tests, with the gateway and with Kafka, if `librdkafka` is among the words: it builds them, and takes 15 minutes
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KafkaServer } from '../../gateway/kafka/kafka-server.ts';
import { Posthorn } from '../../sdk/index.ts';
import { startBroker } from '../broker/broker.ts';
import { captureChanges } from './kafka-connect.ts';
import { logInByScram } from './kafka-logins.ts';
import { consumeInGroup } from './kafka-consumers.ts';
import { consumeInShareGroup } from './kafka-share.ts';
import { countWords } from './kafka-streams.ts';
import { compareTests } from './librdkafka.ts';
import { copyInTransactions, tellRates } from './kafka-tools.ts';
import { canRunKafka, startKafka } from '../peers/kafka.ts';
import { answerHelp } from '../command/options.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.interop/kafka');
const PACKAGES = ['kafka-python==3.0.12', 'confluent-kafka==2.16.1'];
const RUN_MS_MAX = 120_000;

answerHelp(import.meta.filename);
const words = process.argv.slice(2).map((word) => word.toLowerCase());
const isWanted = (name: string): boolean =>
  words.length === 0 || words.some((word) => name.toLowerCase().includes(word));

await mkdir(FOLDER, { recursive: true });
const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-interop-'));
const broker = await startBroker({ dataPath, port: 0 });
const server = await KafkaServer.start({ url: broker.url, port: 0, autoCreate: true });
const address = `127.0.0.1:${server.port}`;
try {
  const results = [
    await told('groups of kafka-python and confluent-kafka', () => python('groups.py')),
    await told('transactions of confluent-kafka', () => python('transactions.py')),
    await told('consumer protocol of confluent-kafka', () => python('consumer_protocol.py')),
    await told('logins of confluent-kafka with TLS, of kcat and Java by SCRAM', logins),
    await told('kcat', kcat),
    ...(canRunKafka() ? await javaTold() : []),
    ...(words.includes('librdkafka') ? [await told("librdkafka's own tests", librdkafka)] : []),
  ];
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  await server.stop();
  await broker.stop();
  await rm(dataPath, { recursive: true, force: true });
}

/** The programs in Java, against the gateway and against Kafka itself. */
async function javaTold(): Promise<boolean[]> {
  const programs = [
    ['Java consumer protocol', consumeInGroup],
    ['Java share groups', consumeInShareGroup],
    ['Java TransactionalMessageCopier', copyInTransactions],
    ['Java Kafka Streams, exactly_once_v2', countWords],
    ['Java Kafka Connect, Debezium', captureChanges],
    ['Java ProducerPerformance, ConsumerPerformance', tellRates],
  ] as const;
  const outcomes: boolean[] = [];
  for (const [name, program] of programs) outcomes.push(await told(name, () => program(address)));
  if (!programs.some(([name]) => isWanted(`reference: ${name}`))) return outcomes;
  const kafka = await startKafka();
  try {
    for (const [name, program] of programs)
      outcomes.push(await told(`reference: ${name}`, () => program(kafka.server)));
  } finally {
    await kafka.stop();
  }
  return outcomes;
}

/** Runs a test if it is wanted. */
async function told(name: string, test: () => Promise<string>): Promise<boolean> {
  if (!isWanted(name)) return true;
  try {
    console.log(`✓ ${name}: ${await test()}`);
    return true;
  } catch (error) {
    console.log(`✗ ${name}: ${(error as Error).message}`);
    return false;
  }
}

/** Against a broker that asks for tokens. */
async function logins(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-interop-'));
  const tls = join(ROOT, 'test/gateway/amqp/tls');
  const ca = join(tls, 'localhost.cert.pem');
  const files = { port: 0, cert: await readFile(ca), key: await readFile(join(tls, 'localhost.key.pem')) };
  const token = 'the-root-token-of-the-interop-tests';
  const locked = await startBroker({ dataPath: folder, port: 0, vars: { POSTHORN_ROOT_TOKEN: token } });
  const guarded = await KafkaServer.start({ url: locked.url, port: 0, tls: files, autoCreate: true });
  try {
    const posthorn = new Posthorn({ url: locked.url, token });
    const made = await posthorn.tokens.make({ name: 'interop', namespace: 'default', roles: ['admin'] });
    const told = await python('secure.py', {
      KAFKA_ADDRESS: `localhost:${guarded.tlsPort}`,
      KAFKA_TOKEN: token,
      KAFKA_TOKEN_ID: made.id,
      KAFKA_TOKEN_OF_ID: made.token,
      KAFKA_CA: ca,
    });
    return `${told}; ${await logInByScram(`127.0.0.1:${guarded.port}`, made)}`;
  } finally {
    await guarded.stop();
    await locked.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function librdkafka(): Promise<string> {
  const folder = join(FOLDER, 'librdkafka');
  const reference = await startKafka({ 'num.partitions': 4 });
  const own = await KafkaServer.start({ url: broker.url, port: 0, autoCreate: true, partitions: 4 });
  try {
    return await compareTests(folder, { ours: `127.0.0.1:${own.port}`, kafka: reference.server });
  } finally {
    await own.stop();
    await reference.stop();
  }
}

async function python(program: string, settings: Record<string, string> = {}): Promise<string> {
  const interpreter = join(FOLDER, 'venv/bin/python');
  if (!existsSync(interpreter)) await run('python3', ['-m', 'venv', join(FOLDER, 'venv')]);
  await run(interpreter, ['-m', 'pip', 'install', '--quiet', ...PACKAGES]);
  const script = join(ROOT, 'test/interop/kafka', program);
  const env = { ...process.env, KAFKA_ADDRESS: address, ...settings };
  return (await run(interpreter, [script], { env, timeout: RUN_MS_MAX })).stdout.trim();
}

/** The broker reads batches itself if a client wants JSON. */
async function checkRead(topic: string, last: string): Promise<void> {
  const path = `/v1/default/topics/${topic}/partitions/0/records?offset=9999`;
  const reply = await fetch(new URL(path, broker.url));
  const body = (await reply.json()) as { records?: { value: { $base64: string } }[] };
  const value = Buffer.from(body.records?.[0]?.value.$base64 ?? '', 'base64').toString();
  if (value !== last) throw new Error(`topic ${topic} as JSON: ${JSON.stringify(body).slice(0, 200)}`);
}

async function kcat(): Promise<string> {
  const hasKcat = await run('kcat', ['-V']).then(
    () => true,
    () => false,
  );
  if (!hasKcat) return 'left out, since it is not installed';
  const records = Array.from({ length: 10_000 }, (_, at) => `record ${at}`).join('\n');
  const file = join(dataPath, 'records.txt');
  await writeFile(file, `${records}\n`);
  for (const [topic, ...options] of [
    ['plain'],
    ['zipped', '-z', 'gzip'],
    ['snappy', '-z', 'snappy'],
    ['lz4', '-z', 'lz4'],
    ['zstd', '-z', 'zstd'],
    ['idempotent', '-X', 'enable.idempotence=true'],
  ]) {
    await run('kcat', ['-P', '-b', address, '-t', topic!, ...options, '-l', file], { timeout: RUN_MS_MAX });
    const args = [
      '-b',
      address,
      '-G',
      `readers-of-${topic}`,
      '-X',
      'auto.offset.reset=earliest',
      '-e',
      '-q',
      topic!,
    ];
    const { stdout } = await run('kcat', args, { timeout: RUN_MS_MAX, maxBuffer: 16 * 1024 * 1024 });
    if (stdout.trim() !== records) throw new Error(`topic ${topic} came back with other records`);
    await checkRead(topic!, 'record 9999');
  }
  return '10,000 records in with each codec, out through groups as they are, and as JSON';
}
