/** The list of queues: by name, or those with the most ready messages first; with what they last reported. */

import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { overviewStub, topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { PAGE_BYTES_MAX } from '../../protocol/limits.ts';
import type { QueueOverview } from '../../protocol/schemas/overview.ts';
import { queueListQuerySchema, type QueueList } from '../../protocol/schemas/queues.ts';
import { JSON_REPLY_WEIGHT, grantReply } from '../bounds/reply-bytes.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readNamespace, type AppContext } from '../http/context.ts';
import { pageReply, type AskedPage } from './list-reply.ts';

type Item = QueueList['queues'][number];

export async function queueList(c: AppContext): Promise<Response> {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return problem(c, namespace);
  const query = readQuery(c, queueListQuerySchema);
  if (isFailure(query)) return problem(c, query);
  const { sort, include, ...page } = query.fields;
  const asked = { namespace, ...page };
  if (sort === 'ready') return await fullestFirst(c, asked, include === 'state');
  return await pageReply(c, 'queues', asked, async (queues): Promise<QueueList> => {
    if (include === undefined) return { queues: queues.map((queue) => itemOf(queue)) };
    const json = await overviewStub(c.env, namespace).queues(queues.map(({ name }) => name));
    const states = new Map(Object.entries(JSON.parse(json) as Record<string, QueueOverview>));
    return { queues: queues.map((queue) => itemOf(queue, states.get(queue.name) ?? null)) };
  });
}

/** Pages go by position: a queue that rises or falls between two of them may be on both or on none. */
async function fullestFirst(
  c: AppContext,
  { namespace, after, limit }: AskedPage,
  withState: boolean,
): Promise<Response> {
  const from = Number(after ?? 0);
  if (!Number.isSafeInteger(from) || from < 0)
    return problem(c, failure('invalid_field', 'query after: is no `next` of this list'));
  const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
  if (isFailure(bytesMax)) return problem(c, bytesMax);
  const reports = JSON.parse(
    await overviewStub(c.env, namespace).fullestQueues(from, limit + 1),
  ) as (QueueOverview & {
    queue: string;
  })[];
  const shown = reports.slice(0, limit);
  const known = await topologyStub(c.env, namespace).queues(shown.map(({ queue }) => queue));
  const definitions = new Map((JSON.parse(known) as QueueDefinition[]).map((queue) => [queue.name, queue]));
  const queues = shown.flatMap(({ queue, ...state }) => {
    const definition = definitions.get(queue);
    return definition ? itemOf(definition, withState ? state : undefined) : []; // deleted meanwhile
  });
  const next = reports.length > limit ? { next: String(from + limit) } : {};
  return jsonReply(c, { queues, ...next } satisfies QueueList);
}

function itemOf({ name, config }: QueueDefinition, state?: QueueOverview | null): Item {
  return { queue: name, ...config, ...(state !== undefined && { state }) };
}
