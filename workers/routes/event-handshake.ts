/** Handshake of event senders: those that follow "HTTP 1.1 Web Hooks for Event Delivery" ask first whether they may send. */

import type { Hono } from 'hono';
import { calls } from '../../protocol/operations/calls.ts';
import type { AppEnv } from '../http/context.ts';
import { pathOf } from './bind.ts';

export function eventHandshakeRoute(app: Hono<AppEnv>): void {
  app.options(pathOf(calls.sendEvents), (c) => {
    const origin = c.req.header('webhook-request-origin');
    const headers: Record<string, string> = { allow: 'POST, OPTIONS' };
    if (origin !== undefined) {
      headers['webhook-allowed-origin'] = origin;
      headers['webhook-allowed-rate'] = c.req.header('webhook-request-rate') ?? '*';
    }
    return c.body(null, 200, headers);
  });
}
