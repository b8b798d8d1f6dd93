/** The service itself: health, and its contract. */

import type { Hono } from 'hono';
import { openApiDocument } from '../../protocol/openapi.ts';
import { VERSION } from '../../protocol/version.ts';
import { directoryStub } from '../../durable-objects/stubs.ts';
import type { AppEnv } from '../http/context.ts';

/** Written once per isolate, when first asked for. */
let openApiJson: string | undefined;

export function serviceRoutes(app: Hono<AppEnv>): void {
  app.get('/healthz', async (c) => {
    if (c.req.query('deep') !== 'true') return c.json({ status: 'ok', version: VERSION });
    const writtenMs = await directoryStub(c.env).probeStorage();
    return c.json({ status: 'ok', version: VERSION, written_at: writtenMs });
  });

  app.get('/openapi.json', (c) => {
    openApiJson ??= JSON.stringify(openApiDocument());
    return c.body(openApiJson, 200, { 'content-type': 'application/json' });
  });
}
