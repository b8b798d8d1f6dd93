/**
 * The worker as it is deployed, with one path more: `/bench/access?times=N` authenticates itself N times by the
 * credential of the request, and tells how many calls of objects that took.
 */

import { Hono } from 'hono';
import type { Env } from '../../durable-objects/env.ts';
import { isFailure } from '../../protocol/errors.ts';
import { identify } from '../../workers/access/authenticate.ts';
import { lookUpNamespace } from '../../workers/access/directory-cache.ts';
import type { AppEnv } from '../../workers/http/context.ts';
import worker from '../../workers/index.ts';

export * from '../../workers/index.ts';

const bench = new Hono<AppEnv>();
bench.get('/bench/access', async (c) => {
  let objectCalls = 0;
  const counted = new Proxy(c.env.DIRECTORY, {
    get: (target, name) => {
      if (name === 'get' || name === 'getByName') objectCalls += 1;
      const member = Reflect.get(target, name) as unknown;
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  c.env = { ...c.env, DIRECTORY: counted };
  const times = Number(c.req.query('times'));
  let refused = 0;
  for (let nth = 0; nth < times; nth++) {
    // The clock of the platform stands still while nothing is waited for.
    if (isFailure(await identify(c, Date.now()))) refused += 1;
    else await lookUpNamespace(c.env, 'default', Date.now());
  }
  return c.json({ times, refused, object_calls: objectCalls });
});

export default {
  ...worker,
  fetch: (request: Request, env, ctx) =>
    new URL(request.url).pathname === '/bench/access'
      ? bench.fetch(request, env, ctx)
      : worker.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;
