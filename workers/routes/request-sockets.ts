/** Sockets for requests: publishes to a queue or an exchange, and produce requests to a topic, a frame each. */

import type { Hono } from 'hono';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { calls, type Call } from '../../protocol/operations/calls.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';
import { isWatched } from '../access/watched-stream.ts';
import { fetchQueue } from '../deliver/take-deliveries.ts';
import { problem } from '../http/problem.ts';
import { readQueue, readExchangePath, readTopic, type AppContext, type AppEnv } from '../http/context.ts';
import { requestSocket } from '../publish/request-socket.ts';
import { bind } from './bind.ts';

/** @param frames answers the frames */
export function requestSocketRoutes(app: Hono<AppEnv>, frames: Hono<AppEnv>): void {
  bindSocket(calls.openQueuePublishes, readQueue, openAtQueue);
  bindSocket(calls.openExchangePublishes, readExchangePath);
  bindSocket(calls.openProduces, readTopic);

  /**
   * @param read reads what the path names, if it exists. Each frame looks again
   * @param openElsewhere opens a socket that the router does not hold; null: it has to
   */
  function bindSocket<Named extends object>(
    operation: Call,
    read: (c: AppContext) => Promise<Named | Failure> | Named | Failure,
    openElsewhere?: (c: AppContext, named: Named) => Promise<Response | Failure> | null,
  ): void {
    bind(app, operation, async (c) => {
      const named = await read(c);
      if (isFailure(named)) return problem(c, named);
      if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return problem(c, upgradeRequired());
      const opened =
        (await openElsewhere?.(c, named)) ??
        requestSocket(c, frames, new URL(c.req.url).pathname.replace(/\/stream$/, ''));
      return isFailure(opened) ? problem(c, opened) : opened;
    });
  }
}

/** A socket that ends in the queue saves the call of each frame. */
function openAtQueue(c: AppContext, queue: QueueDefinition): Promise<Response | Failure> | null {
  const hasLimits = Object.keys(publishLimitsOf(queue.namespace)).length > 0;
  return hasLimits || isWatched(c, 'publish') ? null : fetchQueue(c, queue, { publishes: true }, true);
}

function upgradeRequired(): Failure {
  return failure('upgrade_required', 'open a WebSocket here, or POST to the path without /stream');
}
