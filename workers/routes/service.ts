/** The service itself: health, and its contract. */

import type { Hono } from 'hono';
import { refuseSome } from '../../core/access/identity.ts';
import { VERSION } from '../../protocol/version.ts';
import { directoryStub } from '../../durable-objects/stubs.ts';
import { countRefusal } from '../access/audit.ts';
import type { AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';

/** Written once per isolate, when first asked for. */
let openApiJson: Promise<string> | undefined;

/** The module is loaded then too: most isolates are never asked. */
async function writeOpenApi(): Promise<string> {
  const { openApiDocument } = await import('../../protocol/openapi.ts');
  return JSON.stringify(openApiDocument());
}

export function serviceRoutes(app: Hono<AppEnv>): void {
  app.get('/healthz', async (c) => {
    if (c.req.query('deep') !== 'true') return c.json({ status: 'ok', version: VERSION });
    const identity = c.get('identity');
    // It costs a call and a row, so that not every token may ask for it.
    const refused = refuseSome(identity, 'metrics');
    if (refused) {
      countRefusal(c, { identity, operation: 'deepHealth', code: refused.code });
      return problem(c, refused);
    }
    const writtenMs = await directoryStub(c.env).probeStorage();
    return c.json({ status: 'ok', version: VERSION, written_at: writtenMs });
  });

  app.get('/openapi.json', async (c) => {
    openApiJson ??= writeOpenApi();
    return c.body(await openApiJson, 200, { 'content-type': 'application/json' });
  });
}
