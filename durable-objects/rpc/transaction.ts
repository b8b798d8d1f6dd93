/** Methods of the coordinator of a transactional id that others call, and what goes in and out of them. */

import type { EndReason, Identity, Outcome } from '../../core/transaction/transaction.ts';
import type { DestinationAddress } from '../../core/topology/routing/destination-addresses.ts';
import type { TopicAddress } from '../../core/topology/topics.ts';
import type { Failure } from '../../protocol/errors.ts';
import type { PublishLimits } from './publish-limits.ts';

/** A partition that a transaction writes to, or commits an offset of a group in. */
export interface TransactionPart {
  topic: TopicAddress;
  partition: number;
  /** Left out: it has records of the transaction. */
  group?: string;
}

/** One publish within a transaction. */
export interface HeldPublish {
  /** How many messages of the transaction came before it. */
  sequence: number;
  count: number;
  /** Indexes: places in the publish; null: all. */
  shares: { destination: DestinationAddress; indexes: number[] | null }[];
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

export interface TransactionMethods extends Rpc.DurableObjectBranded {
  /**
   * Begins a new instance of the producer: fences the one before, and aborts what it left open.
   * @param resumed who asks, if it is the instance that is there already
   */
  initialise(
    transactionalId: string,
    timeoutMs: number,
    freshId: number,
    resumed?: Identity | null,
  ): Promise<Identity | Failure>;
  /** Called before the producer writes to the partitions, if there are any. The number is that of the transaction. */
  addPartitions(
    transactionalId: string,
    identity: Identity,
    parts: Record<string, TransactionPart>,
  ): Promise<{ number: number } | Failure>;
  /**
   * Holds messages until the transaction is committed. A repetition changes nothing.
   * @param topicProducerId a new one, for the first messages that go to a topic
   */
  addMessages(
    transactionalId: string,
    identity: Identity,
    publish: HeldPublish,
    topicProducerId: number | null,
    limits?: PublishLimits,
  ): Promise<Failure | null>;
  /**
   * Commits or aborts. Answers when it is decided, and if they can be reached, when every partition has it.
   * @param keepsEpoch if it can: the next transaction has the same epoch
   */
  end(
    transactionalId: string,
    identity: Identity,
    outcome: Outcome,
    keepsEpoch?: boolean,
  ): Promise<EndAnswer | Failure>;
  describe(): TransactionDescription | null;
  /** Deletes everything and releases the storage, because the namespace is deleted. */
  erase(): Promise<void>;
  /** Bytes that count for the quota of the namespace. */
  storedBytes(): number;
  /** Runs due tasks. The watchdog calls it in case an alarm was lost. */
  tick(): Promise<void>;
}
