/** Peer process: a server to compare with, as a child process that listens on loopback. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Peers listen nowhere else: who can reach them needs no password. */
export const LOOPBACK = '127.0.0.1';

const START_MS_MAX = 90_000;
const STOP_MS_MAX = 15_000;

/**
 * Starts a server and waits until it listens.
 *
 * @param home its folder, removed when it ends
 * @returns what ends it
 */
export async function startPeer(
  program: string,
  args: readonly string[],
  { port, home }: { port: number; home: string },
): Promise<() => Promise<void>> {
  const server = spawn(program, args, { cwd: home, stdio: 'ignore' });
  server.on('error', () => {}); // it is not there: its end says so
  const stop = async (): Promise<void> => {
    await end(server);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await isListening(port, server);
  } catch (error) {
    await stop();
    throw new Error(`${program} did not start`, { cause: error });
  }
  return stop;
}

/** Resolves when the process listens on the port. @throws if it ends first, or takes too long */
export async function isListening(port: number, by: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_MS_MAX;
  while (!(await accepts(port))) {
    if (by.exitCode !== null || by.signalCode !== null) throw new Error('the process ended');
    if (Date.now() > deadline) throw new Error(`nothing listens after ${START_MS_MAX} ms`);
    await sleep(100);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    const answer = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

/** Ends a process, by force if it does not go. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await exited;
  clearTimeout(timer);
}

/** Ports that nobody listens on, all held until the last is found so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, LOOPBACK));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
