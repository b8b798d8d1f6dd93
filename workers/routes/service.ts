/** The service itself: health, and its contract. */

import type { Hono } from 'hono';
import { openApiDocument } from '../../protocol/openapi.ts';
import { VERSION } from '../../protocol/version.ts';
import type { AppEnv } from './context.ts';

/** Written once per isolate, when first asked for. */
let openApiJson: string | undefined;

export function serviceRoutes(app: Hono<AppEnv>): void {
  app.get('/healthz', (c) => c.json({ status: 'ok', version: VERSION }));

  app.get('/openapi.json', (c) => {
    openApiJson ??= JSON.stringify(openApiDocument());
    return c.body(openApiJson, 200, { 'content-type': 'application/json' });
  });
}
