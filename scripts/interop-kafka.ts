/**
 * `npm run interop:kafka`: Kafka clients that others have written, against the gateway and a broker of its own. It installs what it
 * needs into `.interop/kafka`.
 *
 * - kafka-python and confluent-kafka: produce, consume in a group, one after the other, and go on where the group was (needs Python 3)
 * - kcat, if it is installed: the same records, in and out
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KafkaServer } from '../gateway/kafka/kafka-server.ts';
import { startBroker } from './broker/broker.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, '.interop/kafka');
const PACKAGES = ['kafka-python==3.0.12', 'confluent-kafka==2.16.1'];
const RUN_MS_MAX = 120_000;

await mkdir(FOLDER, { recursive: true });
const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-interop-'));
const broker = await startBroker({ dataPath, port: 0 });
const server = await KafkaServer.start({ url: broker.url, port: 0, autoCreate: true });
const address = `127.0.0.1:${server.port}`;
try {
  const results = [await told('kafka-python, confluent-kafka', python), await told('kcat', kcat)];
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  await server.stop();
  await broker.stop();
  await rm(dataPath, { recursive: true, force: true });
}

async function told(name: string, test: () => Promise<string>): Promise<boolean> {
  try {
    console.log(`✓ ${name}: ${await test()}`);
    return true;
  } catch (error) {
    console.log(`✗ ${name}: ${(error as Error).message}`);
    return false;
  }
}

async function python(): Promise<string> {
  const interpreter = join(FOLDER, 'venv/bin/python');
  if (!existsSync(interpreter)) await run('python3', ['-m', 'venv', join(FOLDER, 'venv')]);
  await run(interpreter, ['-m', 'pip', 'install', '--quiet', ...PACKAGES]);
  const script = join(ROOT, 'test/interop/kafka/groups.py');
  const env = { ...process.env, KAFKA_ADDRESS: address };
  return (await run(interpreter, [script], { env, timeout: RUN_MS_MAX })).stdout.trim();
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
  }
  return '10,000 records three times in, and out through groups';
}
