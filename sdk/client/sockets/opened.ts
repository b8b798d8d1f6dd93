/** Opening of a socket: it is awaited for a time, and nothing that the socket says meanwhile is lost. */

import { PosthornError } from '../../errors.ts';
import type { Socket } from './socket.ts';
import { WholeSocket } from './whole-socket.ts';

const OPEN = 1;

/**
 * Resolves when the socket is open; rejects with a retryable error if the socket closes first, or after `timeoutMs`. What
 * the socket says from its opening on waits for the first who listens.
 */
export function opened(socket: Socket, timeoutMs: number): Promise<Socket> {
  socket.binaryType = 'arraybuffer';
  const whole = new WholeSocket(socket);
  if (socket.readyState === OPEN) return Promise.resolve(whole);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new PosthornError('connection_failed', `the socket did not open: ${why}`, { retryable: true }));
    };
    const timer = setTimeout(() => {
      fail(`no answer within ${timeoutMs} ms`);
      socket.close();
    }, timeoutMs);
    socket.addEventListener('open', () => {
      clearTimeout(timer);
      resolve(whole);
    });
    socket.addEventListener('error', () => fail('refused'));
    socket.addEventListener('close', () => fail('closed'));
  });
}
