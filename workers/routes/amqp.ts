/** AMQP by a WebSocket. Its code is loaded with the first connection. */

import type { Hono } from 'hono';
import { failure } from '../../protocol/errors.ts';
import { AMQP_PATH } from '../access/authenticate.ts';
import type { AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';

export function amqpRoutes(app: Hono<AppEnv>): void {
  app.get(AMQP_PATH, async (c) => {
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      return problem(c, failure('upgrade_required', 'open a WebSocket here, and speak AMQP 0-9-1'));
    }
    const { acceptAmqp } = await import('../amqp/loaded-later.ts');
    return acceptAmqp(c, async (request) => await app.fetch(request, c.env, c.executionCtx));
  });
}
