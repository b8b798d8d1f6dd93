/** Sockets for requests: publishes to a queue or an exchange, and produce requests to a topic, a frame each. */

import type { Hono } from 'hono';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { calls, type Call } from '../../protocol/operations/calls.ts';
import { problem } from '../http/problem.ts';
import { readQueue, readExchangePath, readTopic, type AppContext, type AppEnv } from '../http/context.ts';
import { requestSocket } from '../publish/request-socket.ts';
import { bind } from './bind.ts';

/** @param frames answers the frames */
export function requestSocketRoutes(app: Hono<AppEnv>, frames: Hono<AppEnv>): void {
  bindSocket(calls.openQueuePublishes, readQueue);
  bindSocket(calls.openExchangePublishes, readExchangePath);
  bindSocket(calls.openProduces, readTopic);

  /** @param read reads what the path names, if it exists. Each frame looks again */
  function bindSocket(
    operation: Call,
    read: (c: AppContext) => Promise<object | Failure> | object | Failure,
  ): void {
    bind(app, operation, async (c) => {
      const named = await read(c);
      if (isFailure(named)) return problem(c, named);
      if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return problem(c, upgradeRequired());
      const opened = requestSocket(c, frames, new URL(c.req.url).pathname.replace(/\/stream$/, ''));
      return isFailure(opened) ? problem(c, opened) : opened;
    });
  }
}

function upgradeRequired(): Failure {
  return failure('upgrade_required', 'open a WebSocket here, or POST to the path without /stream');
}
