/** The sockets for requests that a client has, by its options and its platform. */

import { isFetchArranged } from '../node-platform.ts';
import { nodeSocket } from './node-socket.ts';
import { socketFactoryOf } from './open-socket.ts';
import type { ClientConfig, PosthornOptions } from '../options.ts';
import type { RequestSockets } from './request-channel.ts';

/**
 * By default requests go by sockets where nothing speaks against it: on Node, unless the application has arranged how requests
 * go, or makes headers for each. In a Worker a socket would belong to one call, and elsewhere it would keep the process alive.
 *
 * @param config of the options
 */
export function requestSocketsOf(options: PosthornOptions, config: ClientConfig): RequestSockets {
  const { fetch, webSocket, headers } = options;
  const isArranged = fetch !== undefined || webSocket !== undefined || isFetchArranged();
  return {
    open: webSocket ?? nodeSocket ?? socketFactoryOf(config),
    isDefault: nodeSocket !== null && !isArranged && typeof headers !== 'function',
  };
}
