/** Alert rules: put, read, delete. */

import type { Hono } from 'hono';
import type { AlertDefinition } from '../../core/topology/rules/alerts.ts';
import type { RuleProgress } from '../../core/topology/rules/rule-pass.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import {
  alertDeclarationSchema,
  type AlertDeleted,
  type AlertList,
  type AlertReply,
} from '../../protocol/schemas/alerts.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';
import { readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { listReply } from './list-reply.ts';

export function alertRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listAlerts, (c) =>
    listReply(c, 'alerts', (alerts): AlertList => ({ alerts: alerts.map((alert) => fieldsOf(alert, null)) })),
  );

  bind(app, calls.putAlert, async (c) => {
    const path = readNamed(c, 'alert');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, alertDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const put = await topologyStub(c.env, path.namespace).putAlert(path.name, body.fields);
    if (isFailure(put)) return problem(c, put);
    return alertReply(c, fieldsOf(put.alert, put.secret), put, put.isNew ? 201 : 200);
  });

  bind(app, calls.getAlert, async (c) => {
    const path = readNamed(c, 'alert');
    if (isFailure(path)) return problem(c, path);
    const { alert, ...at } = await topologyStub(c.env, path.namespace).alert(path.name);
    if (alert !== null) return alertReply(c, fieldsOf(alert, null), at, 200);
    return problem(c, failure('alert_not_found', `there is no alert "${path.name}"; PUT creates it`));
  });

  bind(app, calls.deleteAlert, async (c) => {
    const path = readNamed(c, 'alert');
    if (isFailure(path)) return problem(c, path);
    const deleted = await topologyStub(c.env, path.namespace).deleteAlert(path.name);
    if (isFailure(deleted)) return problem(c, deleted);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({
      alert: path.name,
      progress: deleted.progress,
      topology_version: deleted.topologyVersion,
    } satisfies AlertDeleted);
  });
}

/** @param secret the one that was made for this reply to show; null: none is shown */
function fieldsOf(
  { name, pattern, metric, threshold, forMs, webhook: { url } }: AlertDefinition,
  secret: string | null,
): AlertList['alerts'][number] {
  const webhook = { url, ...(secret !== null && { secret }) };
  return { alert: name, pattern, metric, threshold, for_ms: forMs, webhook };
}

function alertReply(
  c: AppContext,
  fields: AlertList['alerts'][number],
  { topologyVersion, progress }: { topologyVersion: number; progress: RuleProgress },
  status: 200 | 201,
): Response {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  return c.json({ ...fields, progress, topology_version: topologyVersion } satisfies AlertReply, status);
}
