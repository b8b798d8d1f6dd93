/** What goes between the router and the coordinator of a transactional id. */

import type { EndReason, Identity, Outcome } from '../../core/transaction/transaction.ts';
import type { TopicPlace } from '../../core/topology/topics.ts';

/** A partition that a transaction writes to, or commits an offset of a group in. */
export interface TransactionPart {
  topic: TopicPlace;
  partition: number;
  /** Left out: it has records of the transaction. */
  group?: string;
}

export interface EndAnswer {
  /** For the next transaction. */
  producer: Identity;
  state: 'empty' | 'committing' | 'aborting';
}

export interface TransactionDescription {
  producer: Identity;
  state: 'empty' | 'open' | 'committing' | 'aborting';
  startedMs: number | null;
  timeoutMs: number;
  parts: TransactionPart[];
  last: { outcome: Outcome; reason: EndReason } | null;
  /** Since the object woke; alarms that were set are in it. */
  rowsWritten: number;
}
