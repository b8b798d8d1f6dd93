/** Binding of a handler to an operation of the contract: its path, its method, and what its caller needs. */

import type { Handler, Hono } from 'hono';
import type { Operation } from '../../protocol/operations/index.ts';
import { authorized } from '../access/authorize.ts';
import type { AppEnv } from '../http/context.ts';

export function bind(app: Hono<AppEnv>, operation: Operation, handler: Handler<AppEnv>): void {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1');
  app.on(operation.method.toUpperCase(), path, authorized(operation), handler);
}
