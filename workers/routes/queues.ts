/** Queues: declare, read, change, delete, and operate. */

import type { Hono } from 'hono';
import { needsOfTarget } from '../../core/access/reach.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { QueueDescription } from '../../durable-objects/rpc/queue.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  queueChangeSchema,
  queueDeclarationSchema,
  queueDeleteQuerySchema,
  type QueueDeleted,
  type QueueReply,
  type QueueWithStateReply,
} from '../../protocol/schemas/queues.ts';
import { REPLY_ADDRESS_PREFIX } from '../../protocol/schemas/requests.ts';
import { warningsOf } from '../dead-letters/dead-letter-warnings.ts';
import { problem } from '../http/problem.ts';
import { callQueue } from '../calls/queue-call.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';
import { forgetQueue, refreshQueue, rememberQueue } from '../cache/topology-cache.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readQueue, readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { queueList } from './queue-list.ts';

export function queueRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listQueues, queueList);

  bind(app, calls.declareQueue, async (c) => {
    const path = readNamed(c, 'queue');
    if (isFailure(path)) return problem(c, path);
    const reserved = refuseReserved(path.name);
    if (reserved) return problem(c, reserved);
    const body = await readBody(c, queueDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOfTarget(body.fields.dead_letter));
    if (refused) return problem(c, refused);
    const topology = topologyStub(c.env, path.namespace);
    const declared = await topology.declareQueue(path.namespace, path.name, body.fields);
    if (isFailure(declared)) return problem(c, declared);
    rememberQueue(declared);
    return await queueReply(c, declared.queue, declared.topologyVersion, declared.isNew ? 201 : 200);
  });

  bind(app, calls.getQueue, async (c) => {
    const path = readNamed(c, 'queue');
    if (isFailure(path)) return problem(c, path);
    const found = await refreshQueue(c.env, path.namespace, path.name);
    if (isFailure(found)) return problem(c, found);
    const state = await callQueue<QueueDescription>(
      c.env,
      found.queue,
      async (stub, version) => await stub.describe(version),
    );
    if (isFailure(state)) return problem(c, state);
    c.header(TOPOLOGY_VERSION_HEADER, String(found.topologyVersion));
    return c.json({
      ...fieldsOf(found.queue, found.topologyVersion),
      ...(await warningsOf(c.env, path.namespace, found.queue.config.dead_letter)),
      state,
    } satisfies QueueWithStateReply);
  });

  bind(app, calls.changeQueue, async (c) => {
    const path = readNamed(c, 'queue');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, queueChangeSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOfTarget(body.fields.dead_letter));
    if (refused) return problem(c, refused);
    const changed = await topologyStub(c.env, path.namespace).changeQueue(path.name, body.fields);
    if (isFailure(changed)) return problem(c, changed);
    rememberQueue(changed);
    return await queueReply(c, changed.queue, changed.topologyVersion, 200);
  });

  bind(app, calls.deleteQueue, async (c) => {
    const path = readNamed(c, 'queue');
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, queueDeleteQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { if_unused: unused = 'false', if_empty: empty = 'false' } = query.fields;
    const deleted = await topologyStub(c.env, path.namespace).deleteQueue(path.name, {
      ifUnused: unused === 'consumers' ? unused : unused === 'true',
      ifEmpty: empty === 'unleased' ? empty : empty === 'true',
    });
    if (isFailure(deleted)) return problem(c, deleted);
    forgetQueue(path.namespace, path.name, deleted.topologyVersion);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({ queue: path.name, topology_version: deleted.topologyVersion } satisfies QueueDeleted);
  });

  bind(app, calls.purgeQueue, async (c) => {
    const queue = await readQueue(c);
    if (isFailure(queue)) return problem(c, queue);
    const purged = await callQueue<number>(c.env, queue, async (stub, version) => await stub.purge(version));
    if (isFailure(purged)) return problem(c, purged);
    return c.json({ queue: queue.name, purged });
  });

  bind(app, calls.pauseQueue, (c) => setPaused(c, true));
  bind(app, calls.resumeQueue, (c) => setPaused(c, false));
}

/** Returns why no queue may have the name; null if one may. */
export function refuseReserved(name: string): Failure | null {
  if (!name.startsWith(REPLY_ADDRESS_PREFIX)) return null;
  return failure(
    'invalid_name',
    `queue "${name}": names that begin with "${REPLY_ADDRESS_PREFIX}" are those of calls that wait for replies`,
  );
}

async function setPaused(c: AppContext, isPaused: boolean): Promise<Response> {
  const queue = await readQueue(c);
  if (isFailure(queue)) return problem(c, queue);
  const paused = await callQueue<boolean>(
    c.env,
    queue,
    async (stub, version) => await stub.setPaused(version, isPaused),
  );
  if (isFailure(paused)) return problem(c, paused);
  return c.json({ queue: queue.name, is_paused: paused });
}

async function queueReply(
  c: AppContext,
  queue: QueueDefinition,
  topologyVersion: number,
  status: 200 | 201,
): Promise<Response> {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  const warnings = await warningsOf(c.env, queue.namespace, queue.config.dead_letter);
  return c.json({ ...fieldsOf(queue, topologyVersion), ...warnings } satisfies QueueReply, status);
}

function fieldsOf(queue: QueueDefinition, topologyVersion: number): QueueReply {
  return { queue: queue.name, ...queue.config, topology_version: topologyVersion };
}
