/** `posthorn` as a process: pipes that break, and Ctrl-C. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { until } from '../support/broker/serve-process.ts';
import { TestBroker } from '../support/broker/test-broker.ts';

const MAIN = join(import.meta.dirname, '../../sdk/cli/main.ts');

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

async function shell(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(
    'bash',
    ['-c', `set -o pipefail; posthorn() { "${process.execPath}" "${MAIN}" "$@"; }; ${script}`],
    {
      env: { ...process.env, POSTHORN_URL: broker.url },
    },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, stdout, stderr };
}

describe('a process', () => {
  it('ends without an error when the reader of its pipe leaves', async () => {
    await broker.call('PUT', '/v1/default/queues/pipes', {});
    expect(await shell('seq 1 20000 | posthorn publish pipes')).toMatchObject({ code: 0 });
    expect(await shell('posthorn consume pipes | head -1')).toEqual({ code: 0, stdout: '"1"\n', stderr: '' });
  });

  it('ends at SIGINT, and says so by its exit code', async () => {
    await broker.call('PUT', '/v1/default/queues/waits', {});
    const child = spawn(process.execPath, [MAIN, 'consume', 'waits', '--max', '1'], {
      env: { ...process.env, POSTHORN_URL: broker.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await until('it consumes', async () => {
      const { body } = await broker.call<QueueWithStateReply>('GET', '/v1/default/queues/waits');
      return body.state.consumers === 1;
    });
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});
