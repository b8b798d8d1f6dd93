/**
 * Produced log: the log of a partition with its producers. Each commit checks its batches against them, so two copies
 * that arrive together are stored once, and reads can leave out uncommitted records. It is synchronous, as the log is.
 * Memory changes only after a commit has succeeded.
 */

import { committedOnly, type AbortedTransaction, type ReadIsolation } from '../../../core/log/aborted.ts';
import {
  ProducerStates,
  type Admission,
  type SequencedBatch,
  type StagedProducers,
  type TransactionEnd,
} from '../../../core/log/producer-state.ts';
import { exchangeProducerId, isExchangeBatch, readExchangeBatch } from '../../../core/log/exchange-batch.ts';
import { checkOffset } from '../../../core/log/fetch.ts';
import { producersAfter, type ProducerPage } from '../../../core/log/known-producers.ts';
import type { PublishRange } from '../../../core/producers/gapped-sequences.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import {
  decodeControlRecord,
  recordsAt,
  encodeEndTransactionBatch,
  isDamaged,
  surveyBatches,
  type BatchHeader,
} from '../../../protocol/record-batch/index.ts';
import { ColdMiss } from '../../storage/cold-part.ts';
import { DamageNotes } from '../../storage/damage-notes.ts';
import type { AppendBatch, ReadResult, SegmentLog } from '../../storage/segment-log.ts';
import type { Sql } from '../../storage/sql.ts';
import { ProducerStore } from './producer-store.ts';
import { admitPublish, type PublishedRun } from './publish-admission.ts';

/** The bytes appended between two snapshots. A waking partition reads as much, in about 10 ms. */
export const SNAPSHOT_INTERVAL_BYTES = 8 * 1024 * 1024;

/** The bytes that a read of committed records inspects before it answers only with the next offset. */
const ABORTED_SCAN_BYTES_MAX = 8 * 1024 * 1024;

export interface ProducedBatch extends AppendBatch, SequencedBatch {}

export interface AppendTerms {
  /** The number of the transaction that the batches belong to. */
  readonly transaction?: number | undefined;
  /** Where the log has to end. */
  readonly ifEnd?: number | undefined;
}

export type AppendCommand =
  | ({ kind: 'append'; batches: readonly ProducedBatch[] } & AppendTerms)
  | { kind: 'publish'; batches: readonly ProducedBatch[]; range: PublishRange };

export function appendCommand(
  batches: readonly ProducedBatch[],
  range: PublishRange | undefined,
  terms: AppendTerms,
): AppendCommand {
  return range ? { kind: 'publish', batches, range } : { kind: 'append', batches, ...terms };
}

export type LogCommand =
  | AppendCommand
  | {
      kind: 'end';
      end: TransactionEnd;
      timestampMs: number;
    };

/**
 * For an append the outcome of each batch; for a publish the positions of its messages; for an end whether it was new.
 */
export type LogOutcome = Admission[] | PublishedRun[] | Failure | { isNew: boolean };

export class ProducedLog {
  readonly #sql: Sql;
  readonly #log: SegmentLog;
  readonly #store: ProducerStore;
  readonly #states: ProducerStates;
  /** The offset and position of the snapshot; null if there is none and nothing after it to be remembered. */
  #snapshot: { offset: number; position: number } | null;
  /** The transactions that were aborted since the snapshot, in the order in which they ended. */
  #aborted: AbortedTransaction[] = [];

  readonly #damage: DamageNotes;

  constructor(sql: Sql, log: SegmentLog, nowMs: number, damage = new DamageNotes('log')) {
    this.#damage = damage;
    this.#sql = sql;
    this.#log = log;
    this.#store = new ProducerStore(sql);
    const snapshot = this.#store.read();
    this.#snapshot = snapshot;
    this.#states = new ProducerStates(snapshot?.producers);
    if (snapshot) this.#replay(snapshot.offset, nowMs);
  }

  /** Below it every transaction has ended. */
  get lastStableOffset(): number {
    const { logStartOffset, highWatermark } = this.#log.offsets;
    return Math.max(this.#states.firstOpenOffset ?? highWatermark, logStartOffset);
  }

  /** How many producers are remembered. */
  get producerCount(): number {
    return this.#states.size;
  }

  producersAfter(id: number, limit: number, nowMs: number): ProducerPage {
    return producersAfter(this.#states.alive(nowMs), id, limit);
  }

  /** Commits all commands as one, in order. An exception has changed nothing. */
  commit(commands: readonly LogCommand[], nowMs: number): LogOutcome[] {
    const staged = this.#states.stage(nowMs);
    const { highWatermark } = this.#log.offsets;
    const batches: AppendBatch[] = [];
    const aborted: AbortedTransaction[] = [];
    let nextOffset = highWatermark;
    const outcomes = commands.map((command): LogOutcome => {
      if (command.kind === 'append') {
        if ((command.ifEnd ?? nextOffset) !== nextOffset) return logMoved(nextOffset);
        const admissions = staged.admit(command.batches, nextOffset, command.transaction);
        if (isFailure(admissions)) return admissions;
        admissions.forEach(({ kind }, index) => {
          if (kind === 'duplicate') return;
          batches.push(command.batches[index]!);
          nextOffset += command.batches[index]!.lastOffsetDelta + 1;
        });
        return admissions;
      }
      if (command.kind === 'publish') {
        const admission = admitPublish(staged, command.range, command.batches, nextOffset);
        if (isFailure(admission)) return admission;
        batches.push(...admission.batches);
        for (const { lastOffsetDelta } of admission.batches) nextOffset += lastOffsetDelta + 1;
        return admission.runs;
      }
      const { end, timestampMs } = command;
      const ended = staged.end(end);
      if (ended === null) return { isNew: false };
      const offset = nextOffset++;
      batches.push(markerBatch(end, timestampMs));
      if (end.outcome === 'abort' && ended.firstOffset >= 0) {
        const { producerId } = end;
        const stableOffset = staged.firstOpenOffset ?? nextOffset;
        aborted.push({ producerId, firstOffset: ended.firstOffset, lastOffset: offset, stableOffset });
      }
      return { isNew: true };
    });
    this.#append(batches, staged, aborted);
    return outcomes;
  }

  /**
   * Reads from an offset on. With `read_committed` it reads up to the last stable offset and leaves out aborted
   * records. Then the result may be empty and still advance the next offset.
   */
  read(offset: number, bytesMax: number, recordsMax: number, isolation: ReadIsolation): ReadResult | Failure {
    if (isolation === 'read_uncommitted') return this.#log.read(offset, bytesMax, recordsMax);
    const outside = checkOffset(this.#log.head, offset);
    if (outside) return outside;
    const stable = this.lastStableOffset;
    let position = offset;
    let scanned = 0;
    while (position < stable) {
      // Transactions begin at a batch, so that a limit of records ends the read exactly there.
      const result = this.#readPart(position, bytesMax, Math.min(recordsMax, stable - position), offset);
      if (result === null) return { chunks: [], nextOffset: position };
      if (isFailure(result)) return result;
      const aborted = this.abortedIn(position, result.nextOffset);
      const chunks = committedOnly(result.chunks, aborted);
      scanned += result.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      position = result.nextOffset;
      if (chunks.length > 0 || result.chunks.length === 0 || scanned >= ABORTED_SCAN_BYTES_MAX) {
        return { chunks, nextOffset: position };
      }
    }
    return { chunks: [], nextOffset: position };
  }

  /** Null if it lacks bytes of the bucket after aborted records: these count as read, so that no read needs much in memory. */
  #readPart(
    position: number,
    bytesMax: number,
    recordsMax: number,
    begin: number,
  ): ReadResult | Failure | null {
    try {
      return this.#log.read(position, bytesMax, recordsMax);
    } catch (error) {
      if (error instanceof ColdMiss && position > begin) return null;
      throw error;
    }
  }

  /** The aborted transactions with records in `[from, to)`. */
  abortedIn(from: number, to: number): AbortedTransaction[] {
    const recent = this.#aborted.filter(
      ({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to,
    );
    return [...this.#store.abortedIn(from, to), ...recent];
  }

  /**
   * Runs before segments are removed or rewritten: writes a snapshot of what only they contain. It costs a row if
   * something was appended since the last snapshot, and none for a log without producers.
   */
  prepareCleanUp(nowMs: number): void {
    const { nextOffset } = this.#log.head;
    if (this.#snapshot === null || this.#snapshot.offset === nextOffset) return;
    const producers = this.#states.alive(nowMs);
    const snapshot = { offset: nextOffset, position: this.#log.head.nextPosition };
    this.#sql.transaction(() => {
      if (producers.length > 0) this.#store.write({ ...snapshot, producers });
      else this.#store.remove();
      this.#store.addAborted(this.#aborted);
    });
    this.#aborted = [];
    this.#snapshot = producers.length > 0 ? snapshot : null;
    this.#states.keep(producers);
  }

  /** After the start of the log was raised. */
  forgetRemoved(): void {
    const { logStartOffset } = this.#log.offsets;
    this.#store.removeAbortedBefore(logStartOffset);
    this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= logStartOffset);
  }

  #append(
    batches: readonly AppendBatch[],
    staged: StagedProducers,
    aborted: readonly AbortedTransaction[],
  ): void {
    const before = { offset: this.#log.head.nextOffset, position: this.#log.head.nextPosition };
    const isFirst = this.#snapshot === null && !staged.isEmpty;
    const isDue =
      this.#snapshot !== null && before.position - this.#snapshot.position >= SNAPSHOT_INTERVAL_BYTES;
    const now = isDue ? this.#states.alive(staged.nowMs) : [];
    if (isFirst) this.#store.create();
    this.#log.append(batches, () => {
      // As it was before these batches: they are found again in the log.
      if (isFirst || (isDue && (now.length > 0 || !staged.isEmpty)))
        this.#store.write({ ...before, producers: now });
      else if (isDue) this.#store.remove();
      if (isDue) this.#store.addAborted(this.#aborted);
    });
    if (isFirst) this.#snapshot = before;
    if (isDue) this.#aborted = [];
    this.#aborted.push(...aborted);
    if (isDue) {
      this.#snapshot = now.length > 0 || !staged.isEmpty ? before : null;
      this.#states.keep(now);
    }
    staged.apply();
  }

  #replayBatch(data: Uint8Array, at: number, header: BatchHeader, nowMs: number): void {
    const { producerId, producerEpoch, baseOffset, isControl } = header;
    if (isExchangeBatch(header)) return this.#replayPublish(data, at, header, nowMs);
    if (!isControl) return this.#states.replay(header, nowMs);
    const firstOffset = this.#states.get(producerId)?.transactionStart ?? null;
    const marker = decodeControlRecord(recordsAt(data, at, header)[0]!);
    const number = marker?.coordinatorEpoch ?? 0;
    this.#states.replayEnd({ producerId, producerEpoch, number }, nowMs);
    if (firstOffset === null || marker?.type !== 'abort') return;
    const stableOffset = this.#states.firstOpenOffset ?? baseOffset + 1;
    this.#aborted.push({ producerId, firstOffset, lastOffset: baseOffset, stableOffset });
  }

  #replayPublish(data: Uint8Array, at: number, header: BatchHeader, nowMs: number): void {
    const read = readExchangeBatch(data, at, header);
    if (read === null) return; // broken on disk: nothing can be known again of it
    const identity = {
      id: exchangeProducerId(header),
      exchange: read.exchange,
      epoch: header.producerEpoch,
    };
    this.#states.replayPublish(identity, read.sequences, header, nowMs);
  }

  #replay(from: number, nowMs: number): void {
    for (const { data, baseOffset, nextOffset } of this.#log.segmentsFrom(from)) {
      for (const piece of surveyBatches(data, baseOffset, nextOffset)) {
        // Ignores the producer fields of a damaged batch. A producer that needs them has to begin anew.
        if (isDamaged(piece)) this.#damage.note(piece.baseOffset, piece.problem);
        else if (piece.header.baseOffset >= from) this.#replayBatch(data, piece.at, piece.header, nowMs);
      }
    }
  }
}

function logMoved(end: number): Failure {
  return failure('log_moved', `the log ends at ${end} by now`, { high_watermark: end });
}

/** There is one coordinator for ever. So the field for its epoch has the number of the transaction. */
function markerBatch(end: TransactionEnd, timestampMs: number): AppendBatch {
  const bytes = encodeEndTransactionBatch(
    { type: end.outcome, coordinatorEpoch: end.number },
    { producerId: end.producerId, producerEpoch: end.producerEpoch, timestamp: timestampMs },
  );
  return { bytes, at: 0, sizeInBytes: bytes.length, lastOffsetDelta: 0, maxTimestamp: timestampMs };
}
