/** The bindings of the worker, and how its objects are reached. */

import { partitionObjectName, type TopicDefinition } from '../core/topology/topics.ts';
import type { Partition } from './partition/partition.ts';
import type { Topology } from './topology/topology.ts';

export interface Env {
  PARTITION: DurableObjectNamespace<Partition>;
  TOPOLOGY: DurableObjectNamespace<Topology>;
  /** Names with commas between them. Default: `default`. */
  POSTHORN_NAMESPACES?: string;
}

export function topologyStub(env: Env, namespace: string): DurableObjectStub<Topology> {
  return env.TOPOLOGY.getByName(namespace);
}

/**
 * Throws where the runtime has no jurisdictions (a local one has not); topics that ask for one are refused there when
 * they are declared.
 */
export function partitionStub(
  env: Env,
  topic: TopicDefinition,
  partition: number,
): DurableObjectStub<Partition> {
  const { jurisdiction, location_hint: locationHint } = topic.config;
  const objects = jurisdiction
    ? env.PARTITION.jurisdiction(jurisdiction as DurableObjectJurisdiction)
    : env.PARTITION;
  const id = objects.idFromName(partitionObjectName(topic, partition));
  return locationHint
    ? objects.get(id, { locationHint: locationHint as DurableObjectLocationHint })
    : objects.get(id);
}
