/** Where a message would go: the walk over the routing graph, without a publish. */

import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import { explainRoute, reachedBy, type RouteStep } from '../../core/exchange/explain-route.ts';
import { routedHeaders } from '../../core/exchange/routed-headers.ts';
import { isFailure } from '../../protocol/errors.ts';
import { recordHeadersOf } from '../../protocol/json/header-fields.ts';
import { ROUTE_SHOWN_MAX, ROUTE_STEPS_MAX } from '../../protocol/limits.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { writtenExchange } from '../../protocol/schemas/exchanges.ts';
import { routeRequestSchema, type Route } from '../../protocol/schemas/routes.ts';
import { mayReach } from '../access/authorize.ts';
import { routingGraph } from '../cache/routing-cache.ts';
import { readExchangePath, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { routeRefusal } from '../publish/route-messages.ts';
import { bind } from './bind.ts';

export function routeMessageRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.routeMessage, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, routeRequestSchema);
    if (isFailure(body)) return problem(c, body);
    const { routing_key: routingKey, headers } = body.fields;
    const { table } = await routingGraph(c.env, path.namespace, seenTopologyVersion(c));
    const message = { routingKey, headers: routedHeaders(recordHeadersOf(headers)) };
    const steps = explainRoute(table, path.name, message);
    if ('refused' in steps) return problem(c, routeRefusal(steps.refused, path.name));
    return c.json(routeOf(c, steps));
  });
}

function routeOf(c: AppContext, steps: readonly RouteStep[]): Route {
  const seen = steps.filter(({ exchange }) => mayReach(c, needsOf('exchange', [exchange], 'view')));
  const count = reachedBy(steps).length;
  const shown = seen.slice(0, ROUTE_STEPS_MAX);
  let left = ROUTE_SHOWN_MAX;
  const written = shown.map(({ exchange, by, from, matched, alternate }) => {
    const some = matched.slice(0, left);
    left -= some.length;
    return {
      exchange: writtenExchange(exchange),
      by,
      // Who may not see an exchange does not learn of it by what it leads to.
      from: from === null || !mayReach(c, needsOf('exchange', [from], 'view')) ? null : writtenExchange(from),
      matched: some.map(({ kind, name }) => ({
        kind,
        name: kind === 'exchange' ? writtenExchange(name) : name,
      })),
      alternate: alternate === null ? null : writtenExchange(alternate),
    };
  });
  return {
    destinations: reachedBy(seen).slice(0, ROUTE_SHOWN_MAX) as Route['destinations'],
    destination_count: count,
    unroutable: count === 0,
    steps: written,
    hidden_steps: steps.length - shown.length,
  };
}
