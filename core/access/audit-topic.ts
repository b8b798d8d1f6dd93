/** Audit topic: where the audit of a namespace is kept, and who may do what with it. */

import type { Action } from '../../protocol/access/scopes.ts';

export const AUDIT_TOPIC = 'posthorn.audit';

const DAY_MS = 86_400_000;

export const AUDIT_TOPIC_CONFIG = { partitions: 1, retention_ms: 30 * DAY_MS } as const;

/** Returns true for what nobody but the broker, and the root token, may do to the topic. */
export function isKeptFromOthers(kind: string, name: string, action: Action): boolean {
  return kind === 'topic' && name === AUDIT_TOPIC && action !== 'view' && action !== 'read';
}
