/** Policies: put, read, delete. */

import type { Hono } from 'hono';
import { needsOfTarget } from '../../core/access/reach.ts';
import type { PolicyDefinition } from '../../core/topology/rules/policies.ts';
import type { RuleProgress } from '../../core/topology/rules/rule-pass.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  policyDeclarationSchema,
  type PolicyDeleted,
  type PolicyList,
  type PolicyReply,
} from '../../protocol/schemas/policies.ts';
import { warningsOf } from '../dead-letters/dead-letter-warnings.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import { readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { listReply } from './list-reply.ts';

export function policyRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listPolicies, (c) =>
    listReply(c, 'policies', (policies): PolicyList => ({ policies: policies.map(fieldsOf) })),
  );

  bind(app, calls.putPolicy, async (c) => {
    const path = readNamed(c, 'policy');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, policyDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOfTarget(body.fields.definition.dead_letter));
    if (refused) return problem(c, refused);
    const put = await topologyStub(c.env, path.namespace).putPolicy(path.name, body.fields);
    if (isFailure(put)) return problem(c, put);
    return await policyReply(c, path.namespace, put.policy, put, put.isNew ? 201 : 200);
  });

  bind(app, calls.getPolicy, async (c) => {
    const path = readNamed(c, 'policy');
    if (isFailure(path)) return problem(c, path);
    const { policy, ...at } = await topologyStub(c.env, path.namespace).policy(path.name);
    if (policy !== null) return await policyReply(c, path.namespace, policy, at, 200);
    return problem(c, failure('policy_not_found', `there is no policy "${path.name}"; PUT creates it`));
  });

  bind(app, calls.deletePolicy, async (c) => {
    const path = readNamed(c, 'policy');
    if (isFailure(path)) return problem(c, path);
    const deleted = await topologyStub(c.env, path.namespace).deletePolicy(path.name);
    if (isFailure(deleted)) return problem(c, deleted);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({
      policy: path.name,
      progress: deleted.progress,
      topology_version: deleted.topologyVersion,
    } satisfies PolicyDeleted);
  });
}

function fieldsOf({ name, pattern, priority, definition }: PolicyDefinition): PolicyList['policies'][number] {
  return { policy: name, pattern, priority, definition };
}

async function policyReply(
  c: AppContext,
  namespace: string,
  policy: PolicyDefinition,
  { topologyVersion, progress }: { topologyVersion: number; progress: RuleProgress },
  status: 200 | 201,
): Promise<Response> {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  const warnings = await warningsOf(c.env, namespace, policy.definition.dead_letter);
  const reply: PolicyReply = {
    ...fieldsOf(policy),
    progress,
    ...warnings,
    topology_version: topologyVersion,
  };
  return c.json(reply, status);
}
