/** Methods of a partition that others call, and what goes in and out of them. */

import type { Claim } from '../../core/group/offsets.ts';
import type { OffsetTransaction } from '../../core/group/transactional-offset.ts';
import type { ReadIsolation } from '../../core/log/aborted.ts';
import type { ProducerPage } from '../../core/log/known-producers.ts';
import type { TransactionEnd } from '../../core/log/producer-state.ts';
import type { KnownReport, ObjectReport } from '../../core/overview/object-report.ts';
import type { PublishRange } from '../../core/producers/gapped-sequences.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Failure } from '../../protocol/errors.ts';
import type {
  ShareAcknowledge,
  ShareAcknowledged,
  ShareAcquire,
  ShareAcquired,
  ShareReset,
  ShareResetOutcome,
  ShareView,
  StaleGroup,
} from './share-groups.ts';
import type { PublishLimits } from './publish-limits.ts';
import type { Stale } from './stale.ts';

export interface PartitionDefinition {
  topic: TopicDefinition;
  partition: number;
}

/** Options of an append. */
export interface AppendOptions extends PublishLimits {
  /** The broker itself hands them on: no ceiling refuses what it has taken already. */
  isHandedOn?: boolean;
  /** The batches are those of core/log/exchange-batch.ts, and part of this publish: what was taken before is not again. */
  publish?: PublishRange;
  /** The number of the transaction that the batches belong to. */
  transaction?: number;
  /** Refuses with `log_moved` unless the log ends here. */
  ifEnd?: number;
}

/** A batch that was appended; of a publish through an exchange, neighbours among its messages. */
export interface AppendedBatch {
  baseOffset: number;
  recordCount: number;
  /** The timestamp of all records, where the topic stamps them; else null. */
  appendTime: number | null;
  logStartOffset: number;
  /** Of a batch that had been stored before: the timestamps that its records have there, by place in the batch. */
  storedTimestamps?: number[];
}

export interface ReadRequest {
  /** The version of the topic's definition that the caller knows. */
  version: number;
  offset: number | 'earliest' | 'latest' | { timestampMs: number } | null;
  /** A read for a group: refused unless this member may read; `offset` null reads on from where the group has committed. */
  claim?: GroupClaim;
  bytesMax: number;
  recordsMax: number;
  isolation: ReadIsolation;
  /** A wait ends also when the position moves past aborted records. */
  waitsForProgress?: boolean;
  /** A wait ends also when the log ends behind it. */
  seenHighWatermark?: number | undefined;
  /** The id of the subscription that reads: it is told of records that come after it has read to the end. */
  subscription?: number;
}

export interface PartitionDescription {
  logStartOffset: number;
  highWatermark: number;
  /** Below it every transaction has ended. */
  lastStableOffset: number;
  /** Producers that it remembers. */
  producers: number;
  /** Bytes of record batches stored. */
  sizeBytes: number;
  /** Those of them that are in the bucket. */
  coldBytes: number;
  segments: number;
  /** Bytes that the object's database occupies. */
  storageBytes: number;
  /** Readers that wait for the next record. */
  waiting: number;
  /** Damaged stored batches that reads have met since the object woke. */
  damagedBatches: number;
  meter: { rowsWritten: number; rowsRead: number; appends: number; commits: number; since: number };
}

/** A member of a group that reads. */
export interface GroupClaim extends Claim {
  group: string;
  /** Where to begin, where the group has committed nothing. */
  autoOffsetReset: 'earliest' | 'latest';
}

/** The partition does not know the member: the group has to say whether it owns the partition. */
export interface AskGroup {
  askGroup: true;
}

export function isAskGroup(result: unknown): result is AskGroup {
  return typeof result === 'object' && result !== null && 'askGroup' in result;
}

export interface OffsetCommit extends Claim {
  group: string;
  offset: number;
  metadata: string;
  /** As the committer knows it. Default: it does not. */
  leaderEpoch?: number | null;
  /** It takes effect when this is committed; null: at once. */
  transaction: OffsetTransaction | null;
  /** Taken also past the end of the log. Default: refused. */
  allowPastEnd?: boolean;
  /** Taken also while other transactions have offsets pending. Default: refused. */
  allowPending?: boolean;
  /**
   * Refused where a later offset than this is committed already: for reads that commit what they give out, so that no two
   * give out the same.
   */
  onlyFrom?: number;
}

export interface GroupReset {
  group: string;
  /** An epoch in which the group has no members. */
  epoch: number;
  /** `none`: nothing is committed any more. */
  to: NonNullable<ReadRequest['offset']> | { shiftBy: number } | 'none';
  isDryRun: boolean;
}

/** What a group has committed in a partition. */
export interface GroupOffsetView {
  offset: number | null;
  metadata: string;
  leaderEpoch: number | null;
  /** An open transaction has committed another one. */
  isPending: boolean;
  lag: number;
  logStartOffset: number;
  highWatermark: number;
}

/** The methods of a partition that can be called. `version`: of the topic's definition that the caller knows. */
export interface PartitionMethods extends Rpc.DurableObjectBranded {
  /** Takes a definition from the topology: creates or changes the partition. An older definition changes nothing. */
  configure(definition: PartitionDefinition): void;
  /** Deletes everything and releases the storage. */
  destroy(): Promise<void>;
  /** Appends whole batches, checked by the caller, as one: all or none. Answers when they are durable. */
  append(
    version: number,
    bytes: Uint8Array,
    options?: AppendOptions,
  ): Promise<AppendedBatch[] | Failure | Stale>;
  /**
   * Ends a transaction in this log: writes its marker, unless that has happened before. Answers when it is durable.
   * @returns null if the partition does not exist
   */
  endTransaction(end: TransactionEnd): Promise<{ isNew: boolean } | null>;
  describe(version: number): PartitionDescription | Stale;
  /** Producers of records that it remembers: the first after an id. */
  producers(version: number, after: number, limit: number): ProducerPage | Stale;
  /** Notes that a reader has found a stored batch damaged. */
  noteDamage(version: number, offset: number): true;
  deleteRecords(
    version: number,
    before: number | 'latest',
  ): Pick<PartitionDescription, 'logStartOffset' | 'highWatermark'> | Failure | Stale;
  /** Notes where the partition ends, for a group whose members begin at `latest` and that sees it for the first time. */
  beginGroup(version: number, group: string): { begun: true } | Stale;
  /** Commits what a group has handled, or adds it to a transaction. One row. */
  commitOffset(version: number, commit: OffsetCommit): { committed: number } | Failure | AskGroup | Stale;
  /**
   * Ends a transaction for the offsets of a group that it has committed here, unless that has happened before.
   * @param transactionalId unused, and in its place for objects of other versions during a deployment
   * @returns null if the partition does not exist
   */
  endGroupTransaction(group: string, transactionalId: string, end: TransactionEnd): true | null;
  groupOffset(version: number, group: string): GroupOffsetView | Stale;
  resetOffset(
    version: number,
    reset: GroupReset,
  ): Promise<{ from: number | null; to: number | null } | Failure | Stale>;
  /** Fences a member of a group that is gone: it can no longer commit for ownerships before this epoch. */
  fenceGroup(group: string, epoch: number): void;
  /** Removes the offsets of a deleted group. */
  forgetGroup(group: string): void;
  /** Locks records for a member of a share group. One row, however many. */
  acquireShared(version: number, request: ShareAcquire): Promise<ShareAcquired | StaleGroup | Stale>;
  /** Accepts, releases or rejects what members of a share group have acquired. One row, however many. */
  acknowledgeShared(
    version: number,
    request: ShareAcknowledge,
  ): Promise<ShareAcknowledged | StaleGroup | Stale>;
  /** Sets where a share group goes on. One row. */
  resetShared(version: number, reset: ShareReset): Promise<ShareResetOutcome | StaleGroup | Stale>;
  describeShared(version: number, group: ShareGroupDefinition): ShareView | StaleGroup | Stale;
  /** Forgets a share group that was deleted, with its dead letters. */
  forgetShared(group: string, id: number): void;
  /** Bytes that count for the quota of the namespace. */
  storedBytes(): number;
  /** Tells the overview what has changed. @param known the last report that it has. Null: nothing has changed since */
  reportChanges(known: KnownReport): ObjectReport | null;
  /** Runs due tasks. The watchdog calls it in case an alarm was lost. */
  tick(): void;
}
