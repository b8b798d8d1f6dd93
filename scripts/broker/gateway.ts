/**
 * Gateways of the local broker: a child process for each protocol, so that a client that keeps one busy slows neither the broker nor the
 * other down. They end with this process, however that ends.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** In the package it is built. */
const BUILT = join(import.meta.dirname, '../../gateway.js');
const MAIN = existsSync(BUILT) ? BUILT : join(import.meta.dirname, '../../gateway/main.ts');

/** How long a stop waits for clients, in ms. */
const STOP_MS = 2_000;

export type GatewayProtocol = 'AMQP' | 'Kafka';

/** The options of the gateway that open a protocol, without the port. */
const OPTIONS: Record<GatewayProtocol, string[]> = {
  AMQP: ['--amqp'],
  Kafka: ['--kafka-auto-create', '--kafka'],
};

export interface Gateway {
  /** Ends it. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway.
 *
 * @param url of the broker
 * @param tell is told when it listens, in one line
 * @param warn is told why there is none, in one line
 */
export function startGateway(
  protocol: GatewayProtocol,
  url: string,
  port: number,
  { tell, warn }: { tell: (line: string) => void; warn: (line: string) => void },
): Gateway {
  const child = spawn(process.execPath, [MAIN, '--url', url, ...OPTIONS[protocol], String(port)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let isStopping = false;
  let said = '';
  child.stdout!.on('data', (chunk: Buffer) => tell(String(chunk).trim()));
  child.stderr!.on('data', (chunk: Buffer) => (said = String(chunk).trim() || said));
  child.on('error', ({ message }) => (said = message));
  const closed = new Promise<void>((resolve) => {
    child.on('close', () => {
      if (!isStopping) warn(`no ${protocol}: ${said || 'the gateway has ended'}`);
      resolve();
    });
  });
  return {
    stop: async () => {
      isStopping = true;
      await end(child, closed);
    },
  };
}

async function end(child: ChildProcess, closed: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await closed;
  clearTimeout(timer);
}
