/** Open socket: a WebSocket to a path of the broker, as the client's options and its platform have it. */

import { asPosthornError } from '../../errors.ts';
import type { ClientConfig } from '../options.ts';
import { queryOf, type HttpCall, type Transport } from '../transport.ts';
import { opened } from './opened.ts';
import { platformSocket, socketByFetch, type Socket, type SocketFactory } from './socket.ts';

/** How a client makes sockets. */
export function socketFactoryOf({ webSocket, fetch }: ClientConfig): SocketFactory {
  return webSocket ?? ('WebSocketPair' in globalThis ? socketByFetch(fetch) : platformSocket);
}

/** Opens a WebSocket. Makes one attempt. */
export async function openSocket(
  { config }: Transport,
  path: string,
  query: HttpCall['query'],
): Promise<Socket> {
  const url = `${config.baseUrl.replace(/^http/, 'ws')}${path}${queryOf(query)}`;
  try {
    return await opened(await socketFactoryOf(config)(url, await config.headers()), config.timeoutMs);
  } catch (error) {
    throw asPosthornError(error);
  }
}
