/** Queue definitions: what a declaration makes, when two agree, and what may change. */

import { failure, type Failure } from '../../../protocol/errors.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import {
  QUEUE_DEFAULTS,
  type QueueChange,
  type QueueConfig,
  type QueueDeclaration,
} from '../../../protocol/schemas/queues.ts';
import type { AlertRule } from '../../alerts/alert-rule.ts';
import type { QueueSubscription } from '../subscriptions.ts';
import { differences, givenFields, textOf } from '../given-fields.ts';

export interface QueueDefinition {
  namespace: string;
  name: string;
  /** The version of the topology that created it: part of its object's name, and of every delivery tag. */
  id: number;
  /** The version of the topology that changed it last. The object refuses calls made with an older one. */
  version: number;
  config: QueueConfig;
  /** The alert rules that match its name; undefined if none ever has. */
  alerts?: readonly AlertRule[];
  /** The subscriptions that take from it and are not paused; undefined if there never was one. */
  subscriptions?: readonly QueueSubscription[];
}

export type DeclaredQueue = { definition: QueueDefinition; isNew: boolean };

/**
 * Creates a queue, or agrees with the one that exists. It does not compare fields that are left out. So an
 * application may declare what it depends on at each start, and an operator may tune the rest.
 * @param nextVersion the version that the topology will have if something changes
 */
export function declareQueue(
  existing: QueueDefinition | null,
  namespace: string,
  name: string,
  declaration: QueueDeclaration,
  nextVersion: number,
): DeclaredQueue | Failure {
  if (existing === null) {
    const config = { ...QUEUE_DEFAULTS, ...givenFields(declaration) };
    return { definition: { namespace, name, id: nextVersion, version: nextVersion, config }, isNew: true };
  }
  const differing = differences(existing.config, declaration);
  if (differing.length === 0) return { definition: existing, isNew: false };
  return failure(
    'queue_differs',
    `queue "${name}" exists and its ${textOf(differing)}; PATCH changes a queue`,
    { differing },
  );
}

/** Returns the definition after a change; the same object if nothing changes. */
export function changeQueue(
  existing: QueueDefinition,
  change: QueueChange,
  nextVersion: number,
): QueueDefinition {
  if (differences(existing.config, change).length === 0) return existing;
  return { ...existing, version: nextVersion, config: { ...existing.config, ...givenFields(change) } };
}

/** Returns the name of a queue's object. */
export function queueObjectName({
  namespace,
  name,
  id,
}: Pick<QueueDefinition, 'namespace' | 'name' | 'id'>): string {
  return `${namespace}/${name}#${id}`;
}

/** Returns the queue that gets the dead letters of a queue; null: they are dropped, or go through an exchange. */
export function deadLetterQueueOf(name: string, { dead_letter: target }: QueueConfig): string | null {
  if (target === null) return defaultDeadLetterQueue(name);
  return target !== 'none' && 'queue' in target ? target.queue : null;
}
