/** Binding of a handler to an operation of the contract: its path, its method, and what its caller needs. */

import type { Handler, Hono } from 'hono';
import type { Call } from '../../protocol/operations/calls.ts';
import { authorized } from '../access/authorize.ts';
import type { AppEnv } from '../http/context.ts';

export function bind(app: Hono<AppEnv>, call: Call, handler: Handler<AppEnv>): void {
  app.on(call.method.toUpperCase(), pathOf(call), authorized(call), handler);
}

/** Returns the path as Hono writes it. */
export function pathOf(call: Call): string {
  return call.path.replaceAll(/\{(\w+)\}/g, ':$1');
}
