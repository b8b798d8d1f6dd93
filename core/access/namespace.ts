/** Namespace: one tenant's room of a deployment, as the directory keeps it. */

import { failure, type Failure } from '../../protocol/errors.ts';
import type { Quotas } from './quotas/quotas.ts';

export interface Namespace {
  readonly name: string;
  /** 0 for `default`, which is there from the start. */
  readonly createdMs: number;
  readonly quotas?: Quotas;
  /** The cost ceiling, for routers to tell objects; the topology keeps it and counts. Absent or null: none that they know. */
  readonly rowsPerHour?: number | null;
  /** It is being deleted: nobody gets in, and its objects are freed. */
  readonly deletion?: NamespaceDeletion;
}

/** How far the deletion of a namespace has come. */
export interface NamespaceDeletion {
  readonly startedMs: number;
  /** Objects, such as partitions, queues and groups. */
  readonly freed: number;
  /** Null: they have not been counted yet. */
  readonly left: number | null;
}

export const DEFAULT_NAMESPACE: Namespace = { name: 'default', createdMs: 0 };

/** Returns the deletion of a namespace as it begins, or why it cannot be deleted. */
export function beginDeletion(namespace: Namespace, nowMs: number): Namespace | Failure {
  if (namespace.name === DEFAULT_NAMESPACE.name)
    return failure('namespace_reserved', 'namespace "default" belongs to the broker, and cannot be deleted');
  if (namespace.deletion) return namespace;
  return { ...namespace, deletion: { startedMs: nowMs, freed: 0, left: null } };
}

/** Returns the namespace after some of its objects were freed. */
export function advanceDeletion(namespace: Namespace, freed: number, left: number): Namespace {
  const { deletion } = namespace;
  return deletion
    ? { ...namespace, deletion: { ...deletion, freed: deletion.freed + freed, left } }
    : namespace;
}

export function noSuchNamespace(name: string): Failure {
  return failure('namespace_not_found', `there is no namespace "${name}"; PUT creates it`);
}

/** Said to who would change a namespace that is being deleted. */
export function isBeingDeleted(name: string): Failure {
  return failure(
    'namespace_deleting',
    `namespace "${name}" is being deleted; GET shows how far it has come`,
    {
      retry_after_s: 1,
    },
  );
}
