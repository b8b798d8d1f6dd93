/** A WebSocket that is opened well and then breaks the rules of the protocol. */

import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import type { Random } from '../../crash/random.ts';

const OPEN_MS = 200;

/** Frames that are not masked, of unknown kinds, with lengths that never come, or noise. Resolves when it is closed. */
export async function sendNoise(url: string, path: string, random: Random): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const head = [
    `GET ${path} HTTP/1.1`,
    `host: ${hostname}`,
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
  ];
  await new Promise<void>((resolve) => {
    socket.on('close', resolve);
    socket.on('error', () => socket.destroy());
    socket.on('connect', () => socket.write([...head, '', ''].join('\r\n')));
    socket.once('data', () => {
      socket.write(
        Uint8Array.from({ length: 2 + Math.floor(random() * 100) }, () => Math.floor(random() * 256)),
      );
    });
    socket.resume();
    setTimeout(() => socket.destroy(), OPEN_MS);
  });
}
