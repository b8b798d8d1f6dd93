/**
 * librdkafka's own tests, in C, as node-rdkafka's package brings them: built once, and each run against the gateway and against Kafka at
 * the same time. A test that Kafka passes has to pass with the gateway too. Wants bash, a C and C++ compiler, make and OpenSSL's headers.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const PACKAGE = 'node-rdkafka@3.6.1';
const BUILD_MS_MAX = 900_000;
const TEST_MS_MAX = 180_000;

/** Tests of the 0000 series that start a mock cluster of their own, or nothing at all, have no broker to try. */
const NUMBERS = /^(0\d{3})-.*\.(?:c|cpp)$/;
const MOCKED = /mock/;

type Outcome = 'passed' | 'failed' | 'skipped';

/** Builds the tests in a folder, unless they are there. @returns their folder */
async function build(folder: string): Promise<string> {
  const library = join(folder, 'package/deps/librdkafka');
  const tests = join(library, 'tests');
  if (existsSync(join(tests, 'test-runner'))) return tests;
  await mkdir(folder, { recursive: true });
  const made = { cwd: folder, timeout: BUILD_MS_MAX, maxBuffer: 64 * 1024 * 1024 };
  await execute('npm', ['pack', PACKAGE, '--silent'], made);
  await execute('tar', ['xzf', `${PACKAGE.replace('@', '-')}.tgz`], made);
  await execute('bash', ['./configure'], { ...made, cwd: library });
  await execute('make', ['-j2', 'libs'], { ...made, cwd: library });
  await execute('make', ['-j2', '-C', 'tests', 'build'], { ...made, cwd: library });
  return tests;
}

async function outcomeOf(tests: string, number: string, config: string): Promise<Outcome> {
  const env = {
    ...process.env,
    RDKAFKA_TEST_CONF: config,
    TESTS: number,
    LD_LIBRARY_PATH: '../src:../src-cpp',
  };
  // Quick, one after another, those that need a broker, without known issues.
  const args = ['-Q', '-p1', '-L', '-K', '-V', '4.0.0'];
  const options = { cwd: tests, env, timeout: TEST_MS_MAX, maxBuffer: 256 * 1024 * 1024 };
  try {
    const { stdout } = await execute('./test-runner', args, options);
    // Each test has a line, and so has the runner itself.
    return [...stdout.matchAll(/\| *PASSED *\|/g)].length > 1 ? 'passed' : 'skipped';
  } catch {
    return 'failed';
  }
}

/**
 * Rejects if a test fails twice with the gateway that Kafka passes.
 *
 * @param addresses `host:port`, of brokers that make topics with four partitions when clients ask for them
 */
export async function compareTests(
  folder: string,
  addresses: { ours: string; kafka: string },
): Promise<string> {
  const tests = await build(folder);
  const config = async (name: string, address: string): Promise<string> => {
    const path = join(folder, `${name}.conf`);
    await writeFile(path, `bootstrap.servers=${address}\n`);
    return path;
  };
  const ours = await config('ours', addresses.ours);
  const kafka = await config('kafka', addresses.kafka);
  const numbers = (await readdir(tests))
    .filter((file) => !MOCKED.test(file))
    .flatMap((file) => NUMBERS.exec(file)?.[1] ?? [])
    .toSorted();
  const passed = { ours: 0, kafka: 0 };
  const worse: string[] = [];
  const better: string[] = [];
  for (const number of new Set(numbers)) {
    const [first, theirs] = await Promise.all([
      outcomeOf(tests, number, ours),
      outcomeOf(tests, number, kafka),
    ]);
    const own = first === 'failed' && theirs === 'passed' ? await outcomeOf(tests, number, ours) : first;
    if (own === 'passed') passed.ours++;
    if (theirs === 'passed') passed.kafka++;
    if (own === 'failed' && theirs === 'passed') worse.push(number);
    if (own === 'passed' && theirs === 'failed') better.push(number);
  }
  const said = `${passed.ours} pass, with Kafka ${passed.kafka}; only with the gateway: ${better.join(' ') || 'none'}`;
  if (worse.length > 0) throw new Error(`${said}; only with Kafka: ${worse.join(' ')}`);
  return said;
}
