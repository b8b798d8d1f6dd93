/** The limits of a namespace. */

import type { Hono } from 'hono';
import { directoryStub, topologyStub } from '../../durable-objects/stubs.ts';
import type { CostStatus } from '../../durable-objects/rpc/topology.ts';
import { costLimitsSchema, type CostLimitsReply } from '../../protocol/schemas/cost-limits.ts';
import { isFailure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { forget, noteDirectoryVersion } from '../access/directory-cache.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';
import { readNamespace, type AppEnv } from '../http/context.ts';

export function limitRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.getLimits, async (c) => {
    const namespace = readNamespace(c);
    if (typeof namespace !== 'string') return problem(c, namespace);
    return c.json(replyOf(await topologyStub(c.env, namespace).costStatus()));
  });

  bind(app, calls.putLimits, async (c) => {
    const namespace = readNamespace(c);
    if (typeof namespace !== 'string') return problem(c, namespace);
    const body = await readBody(c, costLimitsSchema);
    if (isFailure(body)) return problem(c, body);
    const { rows_written_per_hour: ceiling } = body.fields;
    const status = await topologyStub(c.env, namespace).limitCost(ceiling);
    noteDirectoryVersion(await directoryStub(c.env).noteCeiling(namespace, ceiling));
    forget({ kind: 'namespace', name: namespace });
    return c.json(replyOf(status));
  });
}

function replyOf({ rowsPerHour, rowsThisHour, resetsAtMs }: CostStatus): CostLimitsReply {
  return {
    rows_written_per_hour: rowsPerHour,
    rows_written_this_hour: rowsThisHour,
    is_exceeded: rowsPerHour !== null && rowsThisHour >= rowsPerHour,
    resets_at: resetsAtMs,
  };
}
