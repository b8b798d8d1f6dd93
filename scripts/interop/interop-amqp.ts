/**
 * `npm run interop:amqp`: AMQP clients that others have written, against the gateway and a broker of its own, and the same against
 * Debian's RabbitMQ if that is installed. It installs what it needs into `.interop/amqp`.
 *
 *   npm run interop:amqp                     all suites, ours and the reference
 *   npm run interop:amqp -- celery go        those with such words in their names
 *   npm run interop:amqp -- --ours           without the reference
 *
 * A test may fail here if the table below says why. Anything else that RabbitMQ passes is a failure. A suite whose toolchain is
 * missing is left out, and that is said.
 */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AmqpServer } from '../../gateway/amqp/connection/amqp-server.ts';
import { startBroker } from '../broker/broker.ts';
import { ManagementServer } from '../../gateway/management/management-server.ts';
import { makeFolder, missingFor, SUITES, type Outcomes, type Suite } from './amqp-suites.ts';
import { rabbitmqadmin } from './rabbitmqadmin.ts';
import { startRabbitmq } from '../peers/rabbitmq.ts';
import { answerHelp } from '../command/options.ts';

const RABBITMQ = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Tests that fail here, and why. */
const EXPECTED: ReadonlyMap<string, string> = new Map();

answerHelp(import.meta.filename);
const args = process.argv.slice(2);
const words = args.filter((arg) => !arg.startsWith('--')).map((word) => word.toLowerCase());
const suites = [...SUITES, rabbitmqadmin].filter(
  ({ name }) => words.length === 0 || words.some((word) => name.toLowerCase().includes(word)),
);
const hasReference = !args.includes('--ours') && existsSync(RABBITMQ);

await makeFolder();
const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-interop-'));
const broker = await startBroker({ dataPath, port: 0 });
const server = await AmqpServer.start({ url: broker.url, port: 0 });
const management = await ManagementServer.start({ url: broker.url, port: 0, amqp: server });
const rabbitmq = hasReference ? await startRabbitmq({ plugins: ['rabbitmq_management'] }) : null;
let isGood = true;
try {
  if (rabbitmq === null) console.log('without a reference: apt-get install rabbitmq-server');
  for (const suite of suites) isGood = (await compared(suite)) && isGood;
  process.exitCode = isGood ? 0 : 1;
} finally {
  await rabbitmq?.stop();
  await management.stop();
  await server.stop();
  await broker.stop();
  await rm(dataPath, { recursive: true, force: true });
}

async function compared(suite: Suite): Promise<boolean> {
  const missing = await missingFor(suite);
  if (missing.length > 0) {
    console.log(`- ${suite.name}: left out, ${missing.join(', ')} is not installed`);
    return true;
  }
  try {
    await suite.prepare();
    const ours = await suite.run(`amqp://guest:guest@127.0.0.1:${server.port}`, management.port);
    const reference = rabbitmq === null ? null : await suite.run(rabbitmq.url, rabbitmq.pluginPorts[0]!);
    return told(suite, ours, reference);
  } catch (error) {
    console.log(`✗ ${suite.name}: ${(error as Error).message}`);
    return false;
  }
}

function told({ name }: Suite, ours: Outcomes, reference: Outcomes | null): boolean {
  const failed = [...ours].filter(([, why]) => why !== null);
  // What the reference does not pass either is no fault of ours.
  const isExcused = (test: string): boolean => EXPECTED.has(test) || (reference?.get(test) ?? null) !== null;
  const unexpected = failed.filter(([test]) => !isExcused(test));
  const isPassed = ours.size > 0 && unexpected.length === 0;
  console.log(
    `${isPassed ? '✓' : '✗'} ${name}: ${scoreOf(ours)}${reference ? ` / ${scoreOf(reference)}` : ''}`,
  );
  for (const [test, why] of failed) {
    const said = EXPECTED.get(test) ?? (isExcused(test) ? 'RabbitMQ fails too' : 'not expected');
    console.log(`    fails here: ${test}: ${said}: ${why}`);
  }
  for (const [test, why] of reference ?? []) {
    if (why !== null && ours.get(test) === null) console.log(`    fails with RabbitMQ only: ${test}: ${why}`);
  }
  return isPassed;
}

function scoreOf(outcomes: Outcomes): string {
  const passed = [...outcomes.values()].filter((why) => why === null).length;
  return `${passed} of ${outcomes.size}`;
}
