/** The rules of queues as they are declared: what a declaration makes, when two agree, and what may change. */

import { failure, type Failure } from '../../protocol/errors.ts';
import {
  QUEUE_DEFAULTS,
  type QueueChange,
  type QueueConfig,
  type QueueDeclaration,
} from '../../protocol/schemas/queues.ts';
import type { AlertRule } from '../alerts/alert-rule.ts';
import { differences, givenFields, textOf } from './given-fields.ts';

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
}

export type DeclaredQueue = { definition: QueueDefinition; isNew: boolean };

/**
 * Creates a queue, or agrees with the one that exists. Fields left out are not compared, so that an application may
 * declare what it depends on at each start while an operator tunes the rest.
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

/** The definition after a change; the same object if nothing changes. */
export function changeQueue(
  existing: QueueDefinition,
  change: QueueChange,
  nextVersion: number,
): QueueDefinition {
  if (differences(existing.config, change).length === 0) return existing;
  return { ...existing, version: nextVersion, config: { ...existing.config, ...givenFields(change) } };
}

/** The name of a queue's object. */
export function queueObjectName({
  namespace,
  name,
  id,
}: Pick<QueueDefinition, 'namespace' | 'name' | 'id'>): string {
  return `${namespace}/${name}#${id}`;
}

/** Where dead letters of a queue go when it does not say. */
export function defaultDeadLetterQueue(name: string): string {
  return `${name}.dlq`;
}
