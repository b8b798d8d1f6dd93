/**
 * Acknowledging acquisitions. Each stands alone: an error in one does not affect the others.
 *
 *   accept    done                       reject   archived now, and a dead letter if the group has a place for them
 *   release   free for any member, or archived if that was its last delivery
 *   extend    locked for longer
 */

import type { AcknowledgeOutcome } from '../../protocol/schemas/share-groups.ts';
import type { Archived, ShareWindow } from './share-window.ts';

export interface Acknowledgement {
  kind: 'accept' | 'release' | 'reject' | 'extend';
  offset: number;
  /** The number of the delivery that is meant. */
  delivery: number;
  /** Of an extension, from now. */
  lockMs?: number;
}

/**
 * @param memberId if given, only its own acquisitions are acknowledged
 * @param archived what was archived is added to it
 */
export function acknowledge(
  window: ShareWindow,
  { kind, offset, delivery, lockMs = 0 }: Acknowledgement,
  { memberId, deliveryLimit, nowMs }: { memberId?: string | undefined; deliveryLimit: number; nowMs: number },
  archived: Archived[],
): AcknowledgeOutcome {
  if (offset < window.startOffset) return 'already_done';
  const run = window.runAt(offset);
  if (!run) return 'unknown_tag';
  if (run.kind === 'done') return 'already_done';
  if (delivery > run.deliveries) return 'unknown_tag';
  if (run.kind === 'available' || delivery < run.deliveries || run.expiresAtMs <= nowMs)
    return 'lock_expired';
  if (memberId !== undefined && memberId !== run.memberId) return 'not_yours';
  if (kind === 'accept') {
    window.accept(offset);
    return 'accepted';
  }
  if (kind === 'extend') {
    window.extend(offset, nowMs + lockMs);
    return 'extended';
  }
  const gone = kind === 'reject' ? window.reject(offset) : window.release(offset, deliveryLimit);
  if (gone === null) return 'released';
  archived.push(gone);
  return 'archived';
}
