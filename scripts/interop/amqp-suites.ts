/** AMQP suites: programs of others with their clients. Each runs against a URL and tells which of its tests pass. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, '.interop/amqp');
const PROGRAMS = join(ROOT, 'test/interop/amqp');
const PYTHON = join(FOLDER, 'venv/bin/python');

/** The release whose package has the tests. */
const AMQPLIB = 'amqplib@2.2.0';
const PYTHON_PACKAGES = ['pika==1.3.2', 'aio-pika==10.2.1', 'celery==5.7.0'];
const JAVA_PACKAGES = ['com.rabbitmq:amqp-client:5.25.0', 'org.slf4j:slf4j-api:1.7.36'];
const TEST_TIMEOUT_MS = 10_000;
const RUN_MS_MAX = 300_000;

/** By the name of the test: why it failed, or null. */
export type Outcomes = Map<string, string | null>;

export interface Suite {
  name: string;
  /** Commands that have to be there. */
  needs: readonly string[];
  prepare(): Promise<void>;
  /**
   * @param url without a virtual host
   * @param managementPort on the same host
   */
  run(url: string, managementPort: number): Promise<Outcomes>;
}

export interface Ran {
  stdout: string;
  /** What it said last, if it failed. */
  failure: string | null;
}

export async function run(
  file: string,
  args: readonly string[],
  env: object = {},
  cwd = FOLDER,
): Promise<Ran> {
  const options = {
    cwd,
    env: { ...process.env, ...env },
    timeout: RUN_MS_MAX,
    maxBuffer: 64 * 1024 * 1024,
  };
  return await execute(file, args, options).then(
    ({ stdout }) => ({ stdout, failure: null }),
    ({ stdout = '', stderr = '', message }: { stdout?: string; stderr?: string; message: string }) => ({
      stdout,
      failure: stderr.trim().split('\n').at(-1) || message,
    }),
  );
}

async function prepared(file: string, args: readonly string[]): Promise<void> {
  const { failure } = await run(file, args);
  if (failure !== null) throw new Error(`${file} ${args.join(' ')}: ${failure}`);
}

/** Lines `ok: <test>` and `not ok: <test>: <why>`. A program that ends early has failed in what comes next. */
function outcomesOfLines({ stdout, failure }: Ran): Outcomes {
  const outcomes: Outcomes = new Map();
  for (const [, not, text = ''] of stdout.matchAll(/^(not )?ok: (.*)$/gm)) {
    const [, name = text, why = ''] = not === undefined ? [] : (/^(.*?): (.*)$/.exec(text) ?? []);
    outcomes.set(name, not === undefined ? null : why);
  }
  const hasFailed = [...outcomes.values()].some((why) => why !== null);
  if (failure !== null && !hasFailed) outcomes.set('what comes after it', failure);
  return outcomes;
}

async function preparePython(): Promise<void> {
  if (!existsSync(PYTHON)) await prepared('python3', ['-m', 'venv', join(FOLDER, 'venv')]);
  await prepared(PYTHON, ['-m', 'pip', 'install', '--quiet', ...PYTHON_PACKAGES]);
}

const newsletter: Suite = {
  name: 'the newsletter with pika, word for word',
  needs: ['python3'],
  prepare: preparePython,
  run: async (url) => {
    const { failure } = await run(PYTHON, [join(PROGRAMS, 'newsletter.py')], { AMQP_URL: `${url}/` });
    return new Map([['newsletter', failure]]);
  },
};

const tutorials: Suite = {
  name: "RabbitMQ's tutorials with pika, and aio-pika",
  needs: ['python3'],
  prepare: preparePython,
  run: async (url) =>
    outcomesOfLines(await run(PYTHON, [join(PROGRAMS, 'tutorials.py')], { AMQP_URL: `${url}/` })),
};

const celery: Suite = {
  name: 'a Celery application with real workers',
  needs: ['python3'],
  prepare: preparePython,
  run: async (url) => {
    const folder = join(PROGRAMS, 'celery');
    return outcomesOfLines(await run(PYTHON, ['check.py'], { AMQP_URL: `${url}//` }, folder));
  },
};

const amqplib: Suite = {
  name: `${AMQPLIB}'s own tests of channels`,
  needs: ['npm', 'tar'],
  prepare: async () => {
    if (existsSync(join(FOLDER, 'package'))) return;
    await prepared('npm', ['pack', AMQPLIB, '--silent']);
    await prepared('tar', ['xzf', `${AMQPLIB.replace('@', '-')}.tgz`]);
  },
  run: async (url) => {
    const args = [
      '--test',
      '--test-force-exit',
      '--test-reporter=tap',
      `--test-timeout=${TEST_TIMEOUT_MS}`,
      'test/channel_api.test.js',
    ];
    const { stdout } = await run(process.execPath, args, { URL: url }, join(FOLDER, 'package'));
    const lines = [...stdout.matchAll(/^\s*(not ok|ok) \d+ - (.*?)\n(?:\s*---\n)?([^]*?)\n\s*\.\.\./gm)];
    // Suites are lines too; they have the outcome of their tests.
    const tests = lines.filter(
      ([, , , details]) => !/type: 'suite'|failureType: 'subtestsFailed'/.test(details!),
    );
    const why = (details: string): string => /error: (.*)/.exec(details)?.[1] ?? 'failed';
    return new Map(
      tests.map(([, outcome, name, details]) => [name!, outcome === 'ok' ? null : why(details!)]),
    );
  },
};

const GO_BINARY = join(FOLDER, 'go-check');

const go: Suite = {
  name: "RabbitMQ's Go client (amqp091-go)",
  needs: ['go'],
  prepare: () => prepared('go', ['build', '-C', join(PROGRAMS, 'go'), '-o', GO_BINARY, '.']),
  run: async (url) => outcomesOfLines(await run(GO_BINARY, [], { AMQP_URL: `${url}/` })),
};

const JAVA_FOLDER = join(FOLDER, 'java');

const java: Suite = {
  name: "RabbitMQ's Java client",
  needs: ['mvn', 'javac', 'java'],
  prepare: async () => {
    await mkdir(JAVA_FOLDER, { recursive: true });
    for (const artifact of JAVA_PACKAGES) {
      const [, name, version] = artifact.split(':');
      if (existsSync(join(JAVA_FOLDER, `${name}-${version}.jar`))) continue;
      const where = [`-Dartifact=${artifact}`, `-DoutputDirectory=${JAVA_FOLDER}`];
      await prepared('mvn', ['-q', 'dependency:copy', ...where]);
    }
    await prepared('javac', [
      '-cp',
      `${JAVA_FOLDER}/*`,
      '-d',
      JAVA_FOLDER,
      join(PROGRAMS, 'java/Check.java'),
    ]);
  },
  run: async (url) =>
    outcomesOfLines(
      await run('java', ['-cp', `${JAVA_FOLDER}:${JAVA_FOLDER}/*`, 'Check'], { AMQP_URL: url }),
    ),
};

export const SUITES: readonly Suite[] = [newsletter, tutorials, celery, amqplib, go, java];

/** Makes the folder that everything is installed in. */
export async function makeFolder(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
}

/** Returns the commands of a suite that are missing. */
export async function missingFor({ needs }: Suite): Promise<string[]> {
  const found = await Promise.all(
    needs.map((command) =>
      execute('which', [command]).then(
        () => null,
        () => command,
      ),
    ),
  );
  return found.filter((command) => command !== null);
}
