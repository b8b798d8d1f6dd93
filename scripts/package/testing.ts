/**
 * `posthorn/testing`: a broker in a test.
 *
 *     const broker = await startBroker();
 *     const posthorn = broker.client();
 *     afterEach(() => broker.reset());
 *     afterAll(() => broker.stop());
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needRuntime } from '../../sdk/cli/runtime/packages.ts';
import { Posthorn, type PosthornOptions } from '../../sdk/index.ts';
import { emptyNamespace } from '../empty-namespace.ts';

export interface TestingOptions {
  /** Default 0: any free port. */
  port?: number;
  /** The folder that keeps the data after the test. Default: one that is removed when the broker stops. */
  dataPath?: string;
}

export interface TestingBroker extends AsyncDisposable {
  /** Where it is reached, without a slash at the end. It needs no token. */
  readonly url: string;
  /** Makes a client of it. */
  client(options?: Omit<PosthornOptions, 'url'>): Posthorn;
  /**
   * Deletes what a namespace has, so that the next test finds none of it: topics, queues, exchanges, policies, alerts,
   * schedules and groups. Stop consumers before. Default: the namespace `default`.
   */
  reset(namespace?: string): Promise<void>;
  /** Stops it, and removes its data. */
  stop(): Promise<void>;
}

/** Starts a broker, in about a second. Its runtime is installed at the first use on a machine if the project has no miniflare. */
export async function startBroker({ port = 0, dataPath }: TestingOptions = {}): Promise<TestingBroker> {
  const { miniflare } = await needRuntime({
    folder: process.cwd(),
    env: process.env,
    say: (text) => console.error(text),
  });
  process.env['POSTHORN_MINIFLARE'] = miniflare;
  const { startBroker: start } = await import('../broker/broker.ts');
  const folder = dataPath ?? (await mkdtemp(join(tmpdir(), 'posthorn-testing-')));
  const broker = await start({ dataPath: folder, port });
  const stop = async (): Promise<void> => {
    await broker.stop();
    if (dataPath === undefined) await rm(folder, { recursive: true, force: true });
  };
  return {
    url: broker.url,
    client: (options = {}) => new Posthorn({ url: broker.url, ...options }),
    reset: (namespace = 'default') => emptyNamespace(new Posthorn({ url: broker.url, namespace })),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
