/** The overview of a namespace, once or as it changes. */

import type { Hono } from 'hono';
import { overviewStub } from '../../durable-objects/stubs.ts';
import { isFailure } from '../../protocol/errors.ts';
import { EVENT_STREAM_TYPE, JSON_TYPE } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { overviewQuerySchema } from '../../protocol/schemas/overview.ts';
import { takeConnection } from '../access/quotas/connections.ts';
import { isRevocable } from '../access/revocable.ts';
import { watchIdentity } from '../access/watched-identity.ts';
import { readNamespace, type AppContext, type AppEnv } from '../http/context.ts';
import { eventStream } from '../http/event-stream.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { bind } from './bind.ts';

export function overviewRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.getOverview, async (c) => await reply(c, false));
  bind(app, calls.followOverview, async (c) => {
    const isStream = (c.req.header('accept') ?? '').includes(EVENT_STREAM_TYPE);
    return await reply(c, isStream);
  });
}

async function reply(c: AppContext, isStream: boolean): Promise<Response> {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return problem(c, namespace);
  const query = readQuery(c, overviewQuerySchema);
  if (isFailure(query)) return problem(c, query);
  const { limit } = query.fields;
  if (isStream) return await follow(c, namespace, limit);
  return c.body(await overviewStub(c.env, namespace).overview(limit), 200, { 'content-type': JSON_TYPE });
}

async function follow(c: AppContext, namespace: string, limit: number): Promise<Response> {
  const countOff = takeConnection(c.get('spenders') ?? []);
  if (isFailure(countOff)) return problem(c, countOff);
  const overview = overviewStub(c.env, namespace);
  const ends: (() => void)[] = [countOff];
  try {
    const { webSocket } = await overview.fetch('https://overview/', { headers: { upgrade: 'websocket' } });
    const changes = webSocket!;
    ends.push(() => changes.close(1000, 'done'));
    const stream = eventStream(
      {
        event: 'overview',
        first: await overview.overview(limit),
        read: async () => await overview.overview(limit),
        ended: () => ends.forEach((end) => end()),
      },
      (work) => c.executionCtx.waitUntil(work),
    );
    for (const event of ['close', 'error'] as const) changes.addEventListener(event, () => stream.end());
    changes.addEventListener('message', () => stream.changed());
    changes.accept();
    if (isRevocable(c.get('identity'))) ends.push(watchIdentity(c, () => stream.end()));
    return stream.response;
  } catch (error) {
    for (const end of ends) end();
    throw error;
  }
}
