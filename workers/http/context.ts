/** Route context: the type of the routes' context, and the topic that a path names. */

import type { Context } from 'hono';
import type { AuditDetails } from '../../core/access/audit.ts';
import type { Identity } from '../../core/access/identity.ts';
import type { Spender } from '../../core/access/quotas/quotas.ts';
import type { HookDefinition } from '../../core/topology/hooks.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { exchangeNameOf } from '../../protocol/schemas/exchanges.ts';
import { isName, isWideName, NAME_RULE, WIDE_NAME_RULE } from '../../protocol/schemas/names.ts';
import type { Call } from '../../protocol/operations/calls.ts';
import { lookUpQueue, lookUpTopic } from '../cache/topology-cache.ts';

export interface AppVariables {
  /** Who makes the call. There for every path that needs a credential. */
  identity: Identity;
  /** What the call is. There for every path of an operation. */
  operation: Call;
  /** Whose quotas count for the call. There for every path in a namespace. */
  spenders?: readonly Spender[];
  /** The hook that a sender of webhooks calls. */
  hook?: HookDefinition;
  /** What an operation that changes something tells the audit of itself; null: this call has changed nothing. */
  audited?: AuditDetails | null;
}

export type AppEnv = { Bindings: Env; Variables: AppVariables };
export type AppContext = Context<AppEnv>;

/** Parameters whose names are wide (protocol/names/name-rule.ts). */
const WIDELY_NAMED: ReadonlySet<string> = new Set(['queue', 'exchange', 'group']);

/** The namespace that the path names, and what it names in it. That the namespace exists was seen before. */
export function readNamed(
  c: AppContext,
  parameter:
    | 'queue'
    | 'exchange'
    | 'policy'
    | 'alert'
    | 'schedule'
    | 'subscription'
    | 'hook'
    | 'group'
    | 'share_group',
): { namespace: string; name: string } | Failure {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return namespace;
  const name = c.req.param(parameter) ?? '';
  const isWide = WIDELY_NAMED.has(parameter);
  if (isWide ? isWideName(name) : isName(name)) return { namespace, name };
  const rule = isWide ? WIDE_NAME_RULE : NAME_RULE;
  return failure('invalid_name', `${parameter} ${quote(name)}: expected ${rule}`);
}

/** The topology version that the client has seen; 0 if it does not say. */
export function seenTopologyVersion(c: AppContext): number {
  const seen = Number(c.req.header(TOPOLOGY_VERSION_HEADER) ?? 0);
  return Number.isSafeInteger(seen) ? seen : 0;
}

export interface TopicPath {
  namespace: string;
  name: string;
}

export function readNamespace(c: AppContext): string | Failure {
  const namespace = c.req.param('namespace') ?? '';
  if (isName(namespace)) return namespace;
  return failure('invalid_name', `namespace ${quote(namespace)}: expected ${NAME_RULE}`);
}

export function readTopicPath(c: AppContext): TopicPath | Failure {
  const namespace = readNamespace(c);
  if (typeof namespace !== 'string') return namespace;
  const name = c.req.param('topic') ?? '';
  if (isName(name)) return { namespace, name };
  return failure('invalid_name', `topic ${quote(name)}: expected ${NAME_RULE}`);
}

/** The topic that the path names, not older than the topology that the client has seen. */
export async function readTopic(c: AppContext): Promise<TopicDefinition | Failure> {
  const path = readTopicPath(c);
  if (isFailure(path)) return path;
  const found = await lookUpTopic(c.env, path.namespace, path.name, seenTopologyVersion(c));
  return isFailure(found) ? found : found.topic;
}

/** The queue that the path names, not older than the topology that the client has seen. */
export async function readQueue(c: AppContext): Promise<QueueDefinition | Failure> {
  const path = readNamed(c, 'queue');
  if (isFailure(path)) return path;
  const found = await lookUpQueue(c.env, path.namespace, path.name, seenTopologyVersion(c));
  return isFailure(found) ? found : found.queue;
}

/** The exchange that the path names; the default exchange by its own name, which is empty. */
export function readExchangePath(c: AppContext): { namespace: string; name: string } | Failure {
  const path = readNamed(c, 'exchange');
  return isFailure(path) ? path : { ...path, name: exchangeNameOf(path.name) };
}

/** The partition that the path names; one that is not a number does not exist. */
export function readPartition(c: AppContext): number {
  const text = c.req.param('partition') ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : NaN;
}

function quote(name: string): string {
  return JSON.stringify(name.length <= 60 ? name : `${name.slice(0, 60)}...`);
}
