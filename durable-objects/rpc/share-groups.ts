/** RPC between the router and a partition about share groups. */

import type { Acknowledgement, RangeAcknowledgement } from '../../core/share/acknowledge.ts';
import type { Acquired } from '../../core/share/share-window.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { AcknowledgeOutcome, RangesOutcome } from '../../protocol/schemas/share-groups.ts';

/** The caller's definition of the share group is out of date: refresh, and try again once. */
export interface StaleGroup {
  staleGroup: true;
}

export function isStaleGroup(result: unknown): result is StaleGroup {
  return typeof result === 'object' && result !== null && 'staleGroup' in result;
}

export interface ShareAcquire {
  group: ShareGroupDefinition;
  memberId: string;
  recordsMax: number;
  /** Bytes of batches at most, but at least one batch. */
  bytesMax: number;
  lockMs: number;
  /** Accepts them in the same step: at most once, and no lock. */
  isAccepted?: boolean;
}

export interface ShareAcquired {
  /** Whole batches, in order, that hold the acquired records, among others. */
  batches: Uint8Array;
  acquired: Acquired[];
  /** About what the acquired records take, inflated. */
  inflatedBytes: number;
  expiresAtMs: number;
  /** Where waiting for new records begins; null if others have to be done first. */
  waitOffset: number | null;
  /** When the first lock of anybody ends, in ms; null if nothing is locked. */
  nextExpiryMs: number | null;
}

export interface ShareAcknowledge {
  group: ShareGroupDefinition;
  /** If given, only its own acquisitions are acknowledged. */
  memberId?: string | undefined;
  acknowledgements: Acknowledgement[];
  /** All or none; with a member. */
  ranges: RangeAcknowledgement[];
  /** Releases what else the member has locked. */
  isLeaving: boolean;
}

export interface ShareAcknowledged {
  /** In the order of the acknowledgements. */
  outcomes: AcknowledgeOutcome[];
  ranges: RangesOutcome;
}

export interface ShareReset {
  group: ShareGroupDefinition;
  /** `none`: the group begins anew. */
  to: number | 'earliest' | 'latest' | { timestampMs: number } | 'none';
  isDryRun: boolean;
}

export interface ShareResetOutcome {
  /** Null: the group had not begun. */
  from: number | null;
  to: number | null;
}

export interface ShareView {
  startOffset: number;
  endOffset: number;
  acquired: number;
  available: number;
  archived: number;
  lag: number;
  deadLettersWaiting: number;
}
