/** Changes of policies, which reach the queues that they match by a rule pass. */

import type { PolicyDefinition } from '../../../core/topology/rules/policies.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import type { PolicyDeclaration } from '../../../protocol/schemas/policies.ts';
import type { PolicyAnswer } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Creates or replaces a policy, as RabbitMQ does. */
export function putPolicyIn(
  store: TopologyStore,
  name: string,
  declaration: PolicyDeclaration,
): PolicyAnswer & { isNew: boolean } {
  const existing = store.policies.get(name);
  const policy: PolicyDefinition = { name, ...declaration, version: store.version() + 1 };
  if (existing && JSON.stringify({ ...existing, version: 0 }) === JSON.stringify({ ...policy, version: 0 })) {
    return { policy: existing, isNew: false, topologyVersion: store.version() };
  }
  store.changePolicy(name, policy);
  return { policy, isNew: existing === null, topologyVersion: store.version() };
}

export function deletePolicyIn(store: TopologyStore, name: string): PolicyAnswer | Failure {
  const policy = store.policies.get(name);
  if (!policy) return noSuchPolicy(name);
  store.changePolicy(name, null);
  return { policy, topologyVersion: store.version() };
}

export function noSuchPolicy(name: string): Failure {
  return failure('policy_not_found', `there is no policy "${name}"; PUT creates it`);
}
