/** The router: all routes, and the answer for unknown paths. */

import type { Hono } from 'hono';
import { HonoBase } from 'hono/hono-base';
import { failure } from '../protocol/errors.ts';
import { calls } from '../protocol/operations/calls.ts';
import { authenticate } from './access/authenticate.ts';
import { browserGuard } from './http/browsers.ts';
import { problem, unexpected } from './http/problem.ts';
import type { AppEnv } from './http/context.ts';
import { RememberedRoutes } from './http/remembered-routes.ts';
import { replyToFrames } from './publish/frame-request.ts';
import { pathOf } from './routes/bind.ts';
import { amqpRoutes } from './routes/amqp.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { eventHandshakeRoute } from './routes/event-handshake.ts';
import { fetchRoutes } from './routes/fetch.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { produceRoutes } from './routes/produce.ts';
import { publishRoutes } from './routes/publish.ts';
import { queueMessageRoutes } from './routes/queue-messages.ts';
import { rareRoutes } from './routes/rare-routes.ts';
import { requestSocketRoutes } from './routes/request-sockets.ts';
import { serviceRoutes } from './routes/service.ts';

export function createApp(): Hono<AppEnv> {
  const app = new HonoBase<AppEnv>({ router: new RememberedRoutes() });
  browserGuard(app); // before everything else: it sees all requests and all replies
  app.use(authenticate);
  produceRoutes(app);
  fetchRoutes(app);
  publishRoutes(app);
  requestSocketRoutes(app, createFrameApp());
  queueMessageRoutes(app);
  rareRoutes(app);
  eventHandshakeRoute(app);
  serviceRoutes(app);
  metricsRoutes(app);
  dashboardRoutes(app);
  amqpRoutes(app);
  refuseOtherMethods(app);
  app.notFound((c) =>
    problem(
      c,
      failure('route_not_found', `there is no ${c.req.method} ${c.req.path}; /openapi.json lists every path`),
    ),
  );
  app.onError((error, c) => unexpected(c, error));
  return app;
}

/** What answers the frames of a request socket. The page that has opened one was judged then, and a frame has no other headers. */
function createFrameApp(): Hono<AppEnv> {
  const app = new HonoBase<AppEnv>({ router: new RememberedRoutes() });
  app.use(replyToFrames);
  app.use(authenticate);
  produceRoutes(app);
  publishRoutes(app);
  queueMessageRoutes(app);
  app.onError((error, c) => unexpected(c, error));
  return app;
}

function refuseOtherMethods(app: Hono<AppEnv>): void {
  const byPath = Map.groupBy(Object.values(calls), ({ path }) => path);
  for (const known of byPath.values()) {
    const allowed = known.map(({ method }) => method.toUpperCase());
    app.all(pathOf(known[0]!), (c) => {
      c.header('allow', allowed.join(', '));
      return problem(
        c,
        failure('method_not_allowed', `${c.req.path} takes ${allowed.join(', ')}, not ${c.req.method}`),
      );
    });
  }
}
