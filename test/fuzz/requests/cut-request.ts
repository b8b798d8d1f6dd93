/** A request that ends before its body does, as of a client that dies while it sends. */

import { connect } from 'node:net';
import type { FuzzRequest } from './requests.ts';

const MORE_BYTES = 10;
const GIVE_UP_MS = 2_000;

/** Resolves when the connection is closed. */
export async function sendCut(url: string, { method, path, headers, body = '' }: FuzzRequest): Promise<void> {
  const { hostname, port } = new URL(url);
  const bytes = Buffer.from(body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `host: ${hostname}`,
    `content-length: ${bytes.length + MORE_BYTES}`,
  ];
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve) => {
    socket.on('close', resolve);
    socket.on('error', () => socket.destroy());
    socket.on('connect', () => {
      socket.write([...head, ...lines, '', ''].join('\r\n'));
      socket.end(bytes);
    });
    socket.resume();
    setTimeout(() => socket.destroy(), GIVE_UP_MS).unref();
  });
}
