/** `scripts/serve.ts` as a process of its own, as `npm start` runs it, with the bundle that the test run has kept. */

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../..');
const WITH_KEPT_BUNDLE = new URL('with-kept-bundle.ts', import.meta.url).href;

export interface ServeInfo {
  url: string;
  dataPath: string;
  pid: number;
  workerdPid: number;
}

export class ServeProcess {
  readonly child: ChildProcess;
  /** With null for a process that a signal ended. */
  readonly exit: Promise<number | null>;
  stdout = '';
  stderr = '';

  /** In a process group of its own, so that a test can signal all of it, as a terminal does. */
  constructor(env: Record<string, string>, flags: string[] = []) {
    const args = ['--import', WITH_KEPT_BUNDLE, join(ROOT, 'scripts/serve.ts'), ...flags];
    this.child = spawn(process.execPath, args, {
      env: {
        ...process.env,
        PORT: '0',
        POSTHORN_AMQP_PORT: '0',
        POSTHORN_KAFKA_PORT: '0',
        HOST: '',
        POSTHORN_ROOT_TOKEN: '',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdout!.on('data', (chunk: Buffer) => (this.stdout += String(chunk)));
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr += String(chunk)));
    this.exit = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** The broker, once it is ready. Rejects with what it said if it did not start. */
  static async start(env: Record<string, string>): Promise<ServeProcess & { info: ServeInfo }> {
    const serve = new ServeProcess(env, ['--json']);
    await serve.said(/\n/);
    return Object.assign(serve, { info: JSON.parse(serve.stdout) as ServeInfo });
  }

  /** Resolves when standard output matches. */
  async said(pattern: RegExp): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(this.stdout)) resolve();
      };
      this.child.stdout!.on('data', look);
      void this.exit.then((code) => reject(new Error(`ended with ${code}:\n${this.stdout}\n${this.stderr}`)));
      look();
    });
  }

  /** Signals the whole process group. */
  killGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.child.pid!, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** An orphan that has ended but whom its new parent has not buried yet counts as dead. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // Gone meanwhile, or a system without /proc.
    return process.platform !== 'linux';
  }
}

/** Resolves when the condition holds, and throws when it does not within the time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  const endMs = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether the broker answers, at whatever stage of a restart it is. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
