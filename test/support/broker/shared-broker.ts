/**
 * Shared broker: the one broker of a test process, which ends with the process. To start one costs more than most test
 * files. Each file has a namespace of its own in it, by the path: the test worker reads `/in/<namespace>/v1/default` as
 * `/v1/<namespace>`.
 */

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, type Broker, type BrokerOptions } from '../../../scripts/broker/broker.ts';
import { bundleWorker } from './kept-bundle.ts';

let shared: Promise<Broker> | undefined;
let script: Promise<string> | undefined;
let namespaces = 0;

export function sharedBroker(): Promise<Broker> {
  shared ??= newDataFolder().then((dataPath) => startTestBroker(dataPath, {}));
  return shared;
}

/** Makes a namespace of the shared broker, and returns its name. */
export async function newNamespace({ url }: Broker): Promise<string> {
  const name = `n${++namespaces}`;
  const { status } = await fetch(`${url}/admin/v1/namespaces/${name}`, { method: 'PUT' });
  if (status !== 201) throw new Error(`the namespace ${name} of the tests is answered by ${status}`);
  return name;
}

export function newDataFolder(): Promise<string> {
  return mkdtemp(join(process.env['POSTHORN_TEST_FOLDER'] ?? tmpdir(), 'posthorn-test-'));
}

export async function startTestBroker(
  dataPath: string,
  options: Pick<BrokerOptions, 'vars' | 'onLog' | 'objects' | 'subscribers'>,
): Promise<Broker> {
  script ??= bundleWorker('test/support/broker/test-worker.ts');
  return await startBroker({ ...options, dataPath, script: await script });
}
