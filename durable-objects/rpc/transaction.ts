/** RPC between the router and the coordinator of a transactional id. */

import type { EndReason, Identity, Outcome } from '../../core/transaction/transaction.ts';
import type { TopicAddress } from '../../core/topology/topics.ts';

/** A partition that a transaction writes to, or commits an offset of a group in. */
export interface TransactionPart {
  topic: TopicAddress;
  partition: number;
  /** Left out: it has records of the transaction. */
  group?: string;
}

/** Where messages that a transaction holds go, as it was when they were published. */
export type MessageDestination =
  | { kind: 'queue'; place: { namespace: string; name: string; id: number }; version: number }
  | { kind: 'topic'; place: TopicAddress; version: number; partition: number; bytesMax: number };

/** One publish within a transaction. */
export interface HeldPublish {
  /** How many messages of the transaction came before it. */
  sequence: number;
  count: number;
  /** Indexes: places in the publish; null: all. */
  shares: { destination: MessageDestination; indexes: number[] | null }[];
  /** Uncompressed record batches. */
  bytes: Uint8Array;
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
