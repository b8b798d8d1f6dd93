/** The offsets of a group: commit, read, reset. */

import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import { callGroup } from '../../durable-objects/call-group.ts';
import { isFailure } from '../../protocol/errors.ts';
import {
  commitSchema,
  offsetsQuerySchema,
  resetSchema,
  type GroupOffsets,
} from '../../protocol/schemas/groups.ts';
import { numbersIn } from '../../protocol/schemas/records.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { refreshTopics } from '../cache/known-topics.ts';
import {
  commitOffsets,
  pageOfPartitions,
  partitionsOfGroup,
  partitionsOfTopic,
  readGroupOffsets,
  resetOffsets,
} from '../groups/group-offsets.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';
import { topicWith } from '../calls/partition-call.ts';
import { lookUpTopic } from '../cache/topology-cache.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readNamed, seenTopologyVersion, type AppEnv } from '../http/context.ts';

export function groupOffsetRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.commitOffsets, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, commitSchema);
    if (isFailure(body)) return problem(c, body);
    const topics = body.fields.offsets.map(({ topic }) => topic);
    const refused = refuseReach(c, needsOf('topic', topics, 'read'));
    if (refused) return problem(c, refused);
    const committed = await commitOffsets(c.env, path, seenTopologyVersion(c), body.fields);
    return isFailure(committed) ? problem(c, committed) : c.json(committed);
  });

  bind(app, calls.readOffsets, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, offsetsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { topic, after, limit } = query.fields;
    const refused = topic === undefined ? null : refuseReach(c, needsOf('topic', [topic], 'view'));
    if (refused) return problem(c, refused);
    const described = await callGroup(c.env, path.namespace, path.name, 'describe');
    if (isFailure(described)) return problem(c, described);
    const found =
      topic === undefined ? null : await lookUpTopic(c.env, path.namespace, topic, seenTopologyVersion(c));
    if (isFailure(found)) return problem(c, found);
    const numbers = numbersIn(query.fields.partitions);
    const named = found && (await topicWith(c.env, found.topic, numbers ?? []));
    if (isFailure(named)) return problem(c, named);
    const partitions = named
      ? partitionsOfTopic(named)
      : partitionsOfGroup(described.state, (await refreshTopics(c.env, path.namespace)).topics);
    const asked = numbers ? partitions.filter(({ partition }) => numbers.includes(partition)) : partitions;
    const page = pageOfPartitions(asked, after, limit);
    const offsets = await readGroupOffsets(c.env, path.name, page.partitions);
    if (isFailure(offsets)) return problem(c, offsets);
    const { next } = page;
    return c.json({ offsets, ...(next !== undefined && { next }) } satisfies GroupOffsets);
  });

  bind(app, calls.resetOffsets, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, resetSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOf('topic', [body.fields.topic], 'view'));
    if (refused) return problem(c, refused);
    const found = await lookUpTopic(c.env, path.namespace, body.fields.topic, seenTopologyVersion(c));
    if (isFailure(found)) return problem(c, found);
    const reset = await resetOffsets(c.env, path, found.topic, body.fields);
    return isFailure(reset) ? problem(c, reset) : c.json(reset);
  });
}
