/** Topic definitions: what a declaration makes, when two agree, and what may change. */

import { failure, type Failure } from '../../protocol/errors.ts';
import {
  TOPIC_DEFAULTS,
  type TopicChange,
  type TopicConfig,
  type TopicDeclaration,
} from '../../protocol/schemas/topics.ts';
import { differences, givenFields, textOf } from './given-fields.ts';

/** What the partitions of a topic have to know of a subscription that reads them. */
export interface TopicSubscription {
  readonly name: string;
  readonly id: number;
}

export interface TopicDefinition {
  namespace: string;
  name: string;
  /**
   * The version of the topology that created it. It is part of the names of the topic's objects. So a topic that is
   * deleted and created again begins empty, even if records are still on their way to the old one.
   */
  id: number;
  /** The version of the topology that changed it last. Objects refuse calls made with an older one. */
  version: number;
  config: TopicConfig;
  /** Subscriptions that read it; absent: none. */
  subscriptions?: readonly TopicSubscription[];
}

/** The part of a definition that names the objects of a topic. */
export interface TopicAddress extends Pick<TopicDefinition, 'namespace' | 'name' | 'id'> {
  config: Pick<TopicConfig, 'jurisdiction' | 'location_hint'>;
}

export type Declared = { definition: TopicDefinition; isNew: boolean };

/**
 * Creates a topic, or agrees with the one that exists. It does not compare fields that are left out. So an
 * application may declare what it depends on at each start, and an operator may tune the rest.
 * @param nextVersion the version that the topology will have if something changes
 */
export function declareTopic(
  existing: TopicDefinition | null,
  namespace: string,
  name: string,
  declaration: TopicDeclaration,
  nextVersion: number,
): Declared | Failure {
  if (existing === null) {
    const config = { ...TOPIC_DEFAULTS, ...givenFields(declaration) };
    return { definition: { namespace, name, id: nextVersion, version: nextVersion, config }, isNew: true };
  }
  const differing = differences(existing.config, declaration);
  if (differing.length === 0) return { definition: existing, isNew: false };
  return failure(
    'topic_differs',
    `topic "${name}" exists and its ${textOf(differing)}; PATCH changes a topic`,
    {
      differing,
    },
  );
}

/** Returns the definition after a change; the same object if nothing changes. */
export function changeTopic(
  existing: TopicDefinition,
  change: TopicChange,
  nextVersion: number,
): TopicDefinition | Failure {
  const { partitions } = existing.config;
  if (change.partitions !== undefined && change.partitions < partitions) {
    return failure(
      'partitions_cannot_shrink',
      `topic "${existing.name}" has ${partitions} partitions; removing some would lose their records`,
      { partitions },
    );
  }
  if (differences(existing.config, change).length === 0) return existing;
  return { ...existing, version: nextVersion, config: { ...existing.config, ...givenFields(change) } };
}

/** Adds the settings that there were not yet when the topic was stored. */
export function completeTopic(stored: TopicDefinition): TopicDefinition {
  return { ...stored, config: { ...TOPIC_DEFAULTS, ...stored.config } };
}

export function isCompacted({ cleanup_policy }: TopicConfig): boolean {
  return cleanup_policy !== 'delete';
}

/** Returns the name of a partition's object. */
export function partitionObjectName(
  topic: Pick<TopicAddress, 'namespace' | 'name' | 'id'>,
  partition: number,
): string {
  return `${topic.namespace}/${topic.name}/${partition}#${topic.id}`;
}
