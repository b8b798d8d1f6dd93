/**
 * Shared log: the log of a partition as share groups consume it. They acquire, acknowledge and archive single records,
 * without a copy of the records. Each call reads the group's row, decides on its window, and writes it if it has
 * changed: one row for an acquisition and one for an acknowledgement, however many records. The next call notices ended
 * locks, so nothing runs for an unused group.
 *
 * Members see committed records only. Records that are gone when they would be handed out count as done.
 */

import { acknowledge, acknowledgeRanges, releaseHeld } from '../../../core/share/acknowledge.ts';
import { shareDeadLetter } from '../../../core/share/dead-letter.ts';
import { ShareWindow, type Acquired, type Archived } from '../../../core/share/share-window.ts';
import { addRange, type Ranges } from '../../../core/queue/state/ranges.ts';
import { beginsAtEnd, type ShareGroupDefinition } from '../../../core/topology/share-groups.ts';
import type { GroupLag } from '../../../protocol/schemas/overview.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { BATCH_INFLATED_BYTES_MAX } from '../../../protocol/limits.ts';
import {
  eachKeyOpen,
  isDamaged,
  openBatch,
  orThrow,
  surveyBatches,
  visitOpen,
  type BatchHeader,
  type Inflate,
  type LogRecord,
  type OpenBatch,
} from '../../../protocol/record-batch/index.ts';
import type { ProducedLog } from '../log/produced-log.ts';
import { packRows } from '../../storage/record-rows.ts';
import { concatenate } from '../../../protocol/bytes.ts';
import { ColdMiss } from '../../storage/cold-part.ts';
import type { DamageNotes } from '../../storage/damage-notes.ts';
import type { SegmentLog } from '../../storage/segment-log.ts';
import type { Sql } from '../../storage/sql.ts';
import type {
  ShareAcknowledge,
  ShareAcknowledged,
  ShareAcquire,
  ShareAcquired,
  ShareResetOutcome,
  ShareView,
  StaleGroup,
} from '../../rpc/share-groups.ts';
import { ShareStore } from './share-store.ts';

const STALE_GROUP: StaleGroup = { staleGroup: true };

export interface SharedLogHost {
  sql: Sql;
  log: SegmentLog;
  produced: ProducedLog;
  topic: string;
  topicId: number;
  partition: number;
  inflate: Inflate;
  now: () => number;
  damage?: DamageNotes;
}

interface Opened {
  window: ShareWindow;
  isNew: boolean;
}

export class SharedLog {
  readonly store: ShareStore;
  readonly #host: SharedLogHost;

  constructor(host: SharedLogHost) {
    this.#host = host;
    this.store = new ShareStore(host.sql);
  }

  acquire({
    group,
    memberId,
    recordsMax,
    bytesMax,
    lockMs,
    isAccepted,
  }: ShareAcquire): ShareAcquired | StaleGroup {
    const opened = this.#open(group);
    if (!opened) return STALE_GROUP;
    const { window, isNew } = opened;
    const nowMs = this.#host.now();
    const archived = window.expire(nowMs, group.config.delivery_limit);
    const lock = { memberId, expiresAtMs: nowMs + lockMs };
    const acquired: Acquired[] = [];
    const chunks: Uint8Array[] = [];
    let recordsLeft = recordsMax;
    let bytesLeft = bytesMax;
    let position = window.nextAvailable(window.startOffset);
    while (recordsLeft > 0 && bytesLeft > 0 && !(position >= window.endOffset && window.isFull)) {
      const read = this.#readAvailable(position, bytesLeft, recordsLeft, acquired.length > 0);
      if (read === null || isFailure(read) || read.nextOffset === position) break;
      const batches = this.#batchesOf(read.chunks, position, read.nextOffset);
      const room = { records: recordsLeft, bytes: bytesLeft, isEmpty: acquired.length === 0 };
      const { end, bytes } = this.#whatFits(batches, position, read.nextOffset, room);
      const existing = this.#offsetsOf(batches, position, end);
      const taken = window.acquire(position, end, existing, recordsLeft, lock);
      for (const { chunk, at, header } of batches) {
        if (!taken.some((run) => overlaps(header, run))) continue;
        chunks.push(chunk.subarray(at, at + header.sizeInBytes));
      }
      bytesLeft -= bytes;
      acquired.push(...taken);
      recordsLeft -= taken.reduce((sum, { start, end: after }) => sum + after - start, 0);
      if (end < read.nextOffset) break;
      position = window.nextAvailable(end);
    }
    if (isAccepted) window.acceptAll(acquired);
    // A group that begins at the end has to know where that was.
    if (window.isChanged || (isNew && this.#beginsAtEnd(group))) this.#write(group, window, archived, nowMs);
    return {
      batches: concatenate(chunks),
      acquired,
      inflatedBytes: bytesMax - bytesLeft,
      expiresAtMs: lock.expiresAtMs,
      waitOffset: window.isFull ? null : window.endOffset,
      nextExpiryMs: window.nextExpiryMs,
    };
  }

  acknowledge({
    group,
    memberId,
    acknowledgements,
    ranges,
    isLeaving,
  }: ShareAcknowledge): ShareAcknowledged | StaleGroup {
    const opened = this.#open(group);
    if (!opened) return STALE_GROUP;
    const { window } = opened;
    const nowMs = this.#host.now();
    const deliveryLimit = group.config.delivery_limit;
    const archived = window.expire(nowMs, deliveryLimit);
    const context = { memberId, deliveryLimit, nowMs };
    const outcomes = acknowledgements.map((one) => acknowledge(window, one, context, archived));
    const whole =
      memberId === undefined || ranges.length === 0
        ? 'acknowledged'
        : acknowledgeRanges(window, ranges, { ...context, memberId }, archived);
    if (isLeaving && memberId !== undefined) releaseHeld(window, { ...context, memberId }, archived);
    if (window.isChanged) this.#write(group, window, archived, nowMs);
    return { outcomes, ranges: whole };
  }

  /** @param offset null: the group begins anew, as its definition says */
  reset(
    group: ShareGroupDefinition,
    offset: number | null,
    isDryRun: boolean,
  ): ShareResetOutcome | StaleGroup {
    const opened = this.#open(group);
    if (!opened) return STALE_GROUP;
    const { window, isNew } = opened;
    const { logStartOffset } = this.#host.log.offsets;
    const to =
      offset === null
        ? null
        : Math.max(logStartOffset, Math.min(offset, this.#host.produced.lastStableOffset));
    const outcome = { from: isNew ? null : window.startOffset, to };
    if (isDryRun) return outcome;
    const { name, id, version } = group;
    this.store.create();
    if (to === null) this.store.forget(name);
    else {
      const moved = { start: to, archived: window.archivedCount, members: [], runs: [] };
      this.store.put(name, { id, version, window: moved });
    }
    return outcome;
  }

  /** Returns the current state without writing. */
  view(group: ShareGroupDefinition): ShareView | StaleGroup {
    const opened = this.#open(group);
    if (!opened) return STALE_GROUP;
    const { window } = opened;
    window.expire(this.#host.now(), group.config.delivery_limit);
    const acquired = window.count('acquired');
    const available = window.count('available');
    return {
      startOffset: window.startOffset,
      endOffset: window.endOffset,
      acquired,
      available,
      archived: window.archivedCount,
      lag: this.#lagOf(window),
      deadLettersWaiting: this.store.countDeadLetters(group.name),
    };
  }

  /** The lag of the first share groups by name. Records whose locks have ended still count. */
  lags(limit: number): GroupLag[] {
    return this.store.names(limit).map((group) => {
      const window = new ShareWindow(this.store.get(group)!.window);
      window.advanceTo(this.#host.log.offsets.logStartOffset);
      return { group, kind: 'share_group', offset: window.startOffset, lag: this.#lagOf(window) };
    });
  }

  /** Null if the bytes are in the bucket and not in memory, and there are others to hand out. */
  #readAvailable(
    position: number,
    bytesMax: number,
    recordsMax: number,
    hasOthers: boolean,
  ): ReturnType<ProducedLog['read']> | null {
    try {
      return this.#host.produced.read(position, bytesMax, recordsMax, 'read_committed');
    } catch (error) {
      if (error instanceof ColdMiss && hasOthers) return null;
      throw error;
    }
  }

  #lagOf(window: ShareWindow): number {
    const waiting = window.count('acquired') + window.count('available');
    return waiting + Math.max(0, this.#host.produced.lastStableOffset - window.endOffset);
  }

  #beginsAtEnd(group: ShareGroupDefinition): boolean {
    const { topic: name, topicId: id, partition } = this.#host;
    return beginsAtEnd(group, { name, id }, partition);
  }

  #open(group: ShareGroupDefinition): Opened | null {
    const { name, id, version } = group;
    const stored = this.store.get(name);
    if (stored && (stored.id > id || (stored.id === id && stored.version > version))) return null;
    const { logStartOffset } = this.#host.log.offsets;
    const isNew = stored?.id !== id;
    const begin = this.#beginsAtEnd(group) ? this.#host.produced.lastStableOffset : logStartOffset;
    const window = new ShareWindow(isNew ? begin : stored.window);
    window.advanceTo(logStartOffset);
    return { window, isNew };
  }

  #write(
    { name: group, id, version, config }: ShareGroupDefinition,
    window: ShareWindow,
    archived: readonly Archived[],
    nowMs: number,
  ): void {
    const { dead_letter: target } = config;
    this.store.create();
    this.#host.sql.transaction(() => {
      this.store.put(group, { id, version, window: window.toStored() });
      if (target === 'none') return;
      for (const { count, data } of packRows(this.#deadLetters(group, archived, nowMs)))
        this.store.addDeadLetters({ group, groupId: id, target, count, data });
    });
  }

  *#deadLetters(group: string, archived: readonly Archived[], nowMs: number): IterableIterator<LogRecord> {
    const { topic, partition } = this.#host;
    for (const run of archived) {
      for (const record of this.#records(run.start, run.end)) {
        const dead = shareDeadLetter(record, run, { group, topic, partition }, nowMs);
        if (dead) yield dead;
      }
    }
  }

  /** The records of `[start, end)` that are still there. */
  *#records(start: number, end: number): IterableIterator<LogRecord> {
    let position = Math.max(start, this.#host.log.offsets.logStartOffset);
    while (position < end) {
      const read = this.#host.log.read(position, 1, end - position);
      if (isFailure(read) || read.nextOffset === position) return;
      for (const batch of this.#batchesOf(read.chunks, position, read.nextOffset)) {
        if (batch.header.isControl) continue;
        const records: LogRecord[] = [];
        const take = (record: LogRecord): false | undefined => {
          if (record.offset >= end) return false;
          records.push(record);
          return undefined;
        };
        orThrow(visitOpen(this.#opened(batch), position, take));
        yield* records;
      }
      position = read.nextOffset;
    }
  }

  /**
   * How far of `[from, to)` may be handed out, and the bytes that takes: those of whole batches, but of a gzip batch
   * the records by themselves, since a few kB may hold many MiB. Records that were locked but not sent would be
   * unavailable until their locks end, so this is decided before locking.
   */
  #whatFits(
    batches: readonly StoredBatch[],
    from: number,
    to: number,
    room: { records: number; bytes: number; isEmpty: boolean },
  ): { end: number; bytes: number } {
    let { isEmpty, records } = room;
    let bytes = 0;
    for (const batch of batches) {
      const { header } = batch;
      if (header.compression === 'none') {
        bytes += header.sizeInBytes;
        records -= header.recordCount;
        isEmpty = false;
        continue;
      }
      if (!isEmpty && bytes >= room.bytes) return { end: Math.max(from, header.baseOffset), bytes };
      let end = to;
      const weigh = ({ offset }: LogRecord, size: number): false | undefined => {
        if (isEmpty || (bytes + size <= room.bytes && records > 0)) {
          isEmpty = false;
          bytes += size;
          records -= 1;
          return undefined;
        }
        end = offset;
        return false;
      };
      orThrow(visitOpen(this.#opened(batch), from, weigh));
      if (end < to) return { end, bytes };
    }
    return { end: to, bytes };
  }

  /** Opens a batch. One that will be read again stays open, so that it is inflated once. */
  #opened(batch: StoredBatch): OpenBatch {
    const { chunk, at, header, opened } = batch;
    if (opened) return opened;
    const inflating = { inflate: this.#host.inflate, inflatedBytesMax: BATCH_INFLATED_BYTES_MAX };
    const made = orThrow(openBatch(chunk, at, header, inflating));
    if (hasGaps(header)) batch.opened = made;
    return made;
  }

  /**
   * The sound batches of what was read. Records of a damaged one count as done, like those that compaction has removed:
   * they can still be fetched as bytes.
   */
  #batchesOf(chunks: readonly Uint8Array[], from: number, to: number): StoredBatch[] {
    const chunk = chunks.length === 1 ? chunks[0]! : concatenate(chunks);
    return surveyBatches(chunk, from, to).flatMap((piece) => {
      if (!isDamaged(piece)) return { chunk, at: piece.at, header: piece.header };
      this.#host.damage?.note(piece.baseOffset, piece.problem);
      return [];
    });
  }

  /** Which offsets of `[from, to)` are records. Only a batch that compaction has thinned out has to be looked into. */
  #offsetsOf(batches: readonly StoredBatch[], from: number, to: number): Ranges {
    const offsets: Ranges = [];
    const add = (start: number, end: number): void => {
      const first = Math.max(start, from);
      if (first < Math.min(end, to)) addRange(offsets, first, Math.min(end, to));
    };
    for (const batch of batches) {
      const { baseOffset, recordCount } = batch.header;
      if (hasGaps(batch.header))
        orThrow(eachKeyOpen(this.#opened(batch), ({ offset }) => add(offset, offset + 1)));
      else add(baseOffset, baseOffset + recordCount);
    }
    return offsets;
  }
}

interface StoredBatch {
  chunk: Uint8Array;
  at: number;
  header: BatchHeader;
  opened?: OpenBatch;
}

/** Compaction has removed records of the batch. */
function hasGaps({ recordCount, lastOffsetDelta }: BatchHeader): boolean {
  return recordCount !== lastOffsetDelta + 1;
}

function overlaps({ baseOffset, lastOffsetDelta }: BatchHeader, { start, end }: Acquired): boolean {
  return start <= baseOffset + lastOffsetDelta && baseOffset < end;
}
