/** WebSockets of Node, browsers, Deno, Bun and workerd: and the platform's way to make one. */

import { PosthornError } from '../../errors.ts';
import { isBrowser } from '../http/user-agent.ts';

/** The part of a WebSocket that the SDK uses. Any implementation of the standard fits. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: { data?: unknown; reason?: string }) => void): void;
}

/** @param url begins with `ws:` or `wss:` */
export type SocketFactory = (url: string, headers: Record<string, string>) => Socket | Promise<Socket>;

/** The other side has answered the request for a socket with something else. */
export class SocketRefused extends Error {}

type SocketClass = new (url: string, options?: object) => Socket;

/**
 * The platform's own `WebSocket`. Node, Deno and Bun send headers with it. Browsers cannot, and throw if they get
 * options: there the token goes into the address.
 */
export const platformSocket: SocketFactory = (url, headers) => {
  const Class = (globalThis as { WebSocket?: SocketClass }).WebSocket;
  if (Class === undefined) throw new PosthornError('connection_failed', 'this platform has no WebSocket');
  const count = Object.keys(headers).length;
  const token = /^Bearer (.+)$/.exec(headers['authorization'] ?? '')?.[1];
  if (isBrowser() && count === 1 && token !== undefined)
    return new Class(`${url}${url.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(token)}`);
  return count > 0 ? new Class(url, { headers }) : new Class(url);
};

/** In a Worker a socket comes with the reply to a request, so it can use a service binding. */
export function socketByFetch(fetch: (url: string, init: RequestInit) => Promise<Response>): SocketFactory {
  return async (url, headers) => {
    const init = { headers: { ...headers, upgrade: 'websocket' } };
    const response = (await fetch(url.replace(/^ws/, 'http'), init)) as Response & {
      webSocket?: (Socket & { accept(): void }) | null;
    };
    const { webSocket } = response;
    if (!webSocket) {
      await response.body?.cancel();
      throw new PosthornError('connection_failed', `no socket was opened: status ${response.status}`);
    }
    webSocket.binaryType = 'arraybuffer';
    webSocket.accept();
    return webSocket;
  };
}
