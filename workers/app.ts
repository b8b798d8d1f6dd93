/** The router: all routes, and the answer for unknown paths. */

import { Hono } from 'hono';
import { failure } from '../protocol/errors.ts';
import { operations } from '../protocol/operations/index.ts';
import { authenticate } from './access/authenticate.ts';
import { browserGuard } from './http/browsers.ts';
import { problem, unexpected } from './http/problem.ts';
import type { AppEnv } from './http/context.ts';
import { dashboardRoutes } from './routes/dashboard.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { definitionRoutes } from './routes/definitions.ts';
import { eventRoutes } from './routes/events.ts';
import { hookRoutes } from './routes/hooks.ts';
import { ingestRoutes } from './routes/ingest.ts';
import { exchangeRoutes } from './routes/exchanges.ts';
import { alertRoutes } from './routes/alerts.ts';
import { bindingRoutes } from './routes/bindings.ts';
import { fetchRoutes } from './routes/fetch.ts';
import { groupOffsetRoutes } from './routes/group-offsets.ts';
import { groupRecordRoutes } from './routes/group-records.ts';
import { classicGroupRoutes } from './routes/classic-groups.ts';
import { consumerMemberRoutes } from './routes/consumer-members.ts';
import { groupRoutes } from './routes/groups.ts';
import { partitionRoutes } from './routes/partitions.ts';
import { policyRoutes } from './routes/policies.ts';
import { limitRoutes } from './routes/limits.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { objectRoutes } from './routes/objects.ts';
import { overviewRoutes } from './routes/overview.ts';
import { produceRoutes } from './routes/produce.ts';
import { producerRoutes } from './routes/producers.ts';
import { publishRoutes } from './routes/publish.ts';
import { heldMessageRoutes } from './routes/held-messages.ts';
import { queueMessageRoutes } from './routes/queue-messages.ts';
import { queueRoutes } from './routes/queues.ts';
import { requestSocketRoutes } from './routes/request-sockets.ts';
import { requestRoutes } from './routes/requests.ts';
import { routeMessageRoutes } from './routes/route-message.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { shareGroupRoutes } from './routes/share-groups.ts';
import { serviceRoutes } from './routes/service.ts';
import { moveRoutes } from './routes/moves.ts';
import { namespaceRoutes } from './routes/namespaces.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { topicRoutes } from './routes/topics.ts';
import { transactionRoutes } from './routes/transactions.ts';
import { uploadRoutes } from './routes/uploads.ts';

export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  browserGuard(app); // before everything else: it sees all requests and all replies
  app.use(authenticate);
  topicRoutes(app);
  produceRoutes(app);
  fetchRoutes(app);
  partitionRoutes(app);
  producerRoutes(app);
  transactionRoutes(app);
  classicGroupRoutes(app);
  consumerMemberRoutes(app);
  groupRoutes(app);
  groupRecordRoutes(app);
  groupOffsetRoutes(app);
  shareGroupRoutes(app);
  exchangeRoutes(app);
  bindingRoutes(app);
  publishRoutes(app);
  requestRoutes(app);
  eventRoutes(app);
  ingestRoutes(app);
  requestSocketRoutes(app, createFrameApp());
  policyRoutes(app);
  alertRoutes(app);
  routeMessageRoutes(app);
  scheduleRoutes(app);
  subscriptionRoutes(app);
  hookRoutes(app);
  limitRoutes(app);
  definitionRoutes(app);
  objectRoutes(app);
  uploadRoutes(app);
  overviewRoutes(app);
  queueRoutes(app);
  queueMessageRoutes(app);
  heldMessageRoutes(app);
  moveRoutes(app);
  deadLetterRoutes(app);
  namespaceRoutes(app);
  tokenRoutes(app);
  serviceRoutes(app);
  metricsRoutes(app);
  dashboardRoutes(app);
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
  const app = new Hono<AppEnv>();
  app.use(authenticate);
  produceRoutes(app);
  publishRoutes(app);
  queueMessageRoutes(app);
  app.onError((error, c) => unexpected(c, error));
  return app;
}

function refuseOtherMethods(app: Hono<AppEnv>): void {
  const byPath = Map.groupBy(Object.values(operations), ({ path }) => path);
  for (const [path, known] of byPath) {
    const allowed = known.map(({ method }) => method.toUpperCase());
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), (c) => {
      c.header('allow', allowed.join(', '));
      return problem(
        c,
        failure('method_not_allowed', `${c.req.path} takes ${allowed.join(', ')}, not ${c.req.method}`),
      );
    });
  }
}
