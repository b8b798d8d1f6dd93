/** Open replies: those that come piece by piece: JSON lines, bytes, and what a WebSocket brings. */

import { createHash } from 'node:crypto';
import { openSocket } from '../../client/sockets/open-socket.ts';
import type { Socket } from '../../client/sockets/socket.ts';
import { errorOfReply } from '../../client/http/reply-error.ts';
import { messageOf, PosthornError } from '../../errors.ts';
import type { Context } from '../command.ts';
import type { Connection } from '../connection/connection.ts';
import { callOf, type FilledOperation } from './send-operation.ts';

/** Prints a reply as it comes, so that one of any size passes through. */
export async function printPieces(
  filled: FilledOperation,
  { root }: Connection,
  { printer, signal }: Context,
): Promise<void> {
  const { method, path, query } = callOf(filled, signal);
  const pairs = Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`);
  const url = `${root.config.baseUrl}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
  try {
    const response = await root.config.fetch(url, { method, headers: await root.config.headers(), signal });
    if (!response.ok) {
      const { status, headers } = response;
      const bytes = new Uint8Array(await response.arrayBuffer());
      throw errorOfReply(`${method} ${path}`, { status, headers, bytes });
    }
    const hash = createHash('sha256');
    for await (const chunk of response.body ?? []) {
      hash.update(chunk);
      if (!(await printer.out.write(chunk))) return;
    }
    const digest = response.headers.get('repr-digest');
    if (digest !== null && digest !== `sha-256=:${hash.digest('base64')}:`)
      throw new PosthornError(
        'body_differs',
        `${path}: the bytes do not have the SHA-256 that they were stored with`,
      );
  } catch (error) {
    if (error instanceof PosthornError || signal.aborted) throw error;
    throw new PosthornError('connection_failed', `${method} ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Prints the texts of a socket, one a line, until it ends or the command does. */
export async function followSocket(
  filled: FilledOperation,
  { root }: Connection,
  { printer, signal }: Context,
): Promise<void> {
  const { path, query } = callOf(filled, signal);
  const socket = await openSocket(root, path, query);
  await ended(socket, signal, (text) => void printer.out.line(text));
}

async function ended(socket: Socket, signal: AbortSignal, onText: (text: string) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('message', ({ data }) => typeof data === 'string' && onText(data));
    socket.addEventListener('close', ({ reason }) => {
      if (reason) reject(new PosthornError('connection_failed', `the broker closed the socket: ${reason}`));
      else resolve();
    });
    const close = (): void => socket.close();
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
}
