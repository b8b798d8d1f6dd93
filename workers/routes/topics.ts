/** Topics: declare, read, change, delete. */

import type { Hono } from 'hono';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { isFailure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  topicChangeSchema,
  topicDeclarationSchema,
  type TopicList,
  type TopicReply,
} from '../../protocol/schemas/topics.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { forget, refreshTopic, remember } from '../cache/topology-cache.ts';
import { bind } from './bind.ts';
import { readTopicPath, type AppContext, type AppEnv } from '../http/context.ts';
import { listWithLag } from './list-with-lag.ts';

export function topicRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listTopics, (c) =>
    listWithLag(c, 'topics', (topics, lagOf): TopicList => ({
      topics: topics.map(({ name, id, config }) => ({
        topic: name,
        topic_id: id,
        ...config,
        ...lagOf(name),
      })),
    })),
  );

  bind(app, calls.declareTopic, async (c) => {
    const path = readTopicPath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, topicDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const declared = await topologyStub(c.env, path.namespace).declareTopic(
      path.namespace,
      path.name,
      body.fields,
    );
    if (isFailure(declared)) return problem(c, declared);
    remember(declared);
    return topicReply(c, declared.topic, declared.topologyVersion, declared.isNew ? 201 : 200);
  });

  bind(app, calls.getTopic, async (c) => {
    const path = readTopicPath(c);
    if (isFailure(path)) return problem(c, path);
    const found = await refreshTopic(c.env, path.namespace, path.name);
    if (isFailure(found)) return problem(c, found);
    return topicReply(c, found.topic, found.topologyVersion, 200);
  });

  bind(app, calls.changeTopic, async (c) => {
    const path = readTopicPath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, topicChangeSchema);
    if (isFailure(body)) return problem(c, body);
    const changed = await topologyStub(c.env, path.namespace).changeTopic(path.name, body.fields);
    if (isFailure(changed)) return problem(c, changed);
    remember(changed);
    return topicReply(c, changed.topic, changed.topologyVersion, 200);
  });

  bind(app, calls.deleteTopic, async (c) => {
    const path = readTopicPath(c);
    if (isFailure(path)) return problem(c, path);
    const deleted = await topologyStub(c.env, path.namespace).deleteTopic(path.name);
    if (isFailure(deleted)) return problem(c, deleted);
    forget(path.namespace, path.name, deleted.topologyVersion);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({ topic: path.name, topology_version: deleted.topologyVersion });
  });
}

function topicReply(
  c: AppContext,
  topic: TopicDefinition,
  topologyVersion: number,
  status: 200 | 201,
): Response {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  const { name, id, config } = topic;
  const reply: TopicReply = { topic: name, topic_id: id, ...config, topology_version: topologyVersion };
  return c.json(reply, status);
}
