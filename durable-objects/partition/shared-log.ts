/**
 * The log of a partition as share groups consume it: acquired, acknowledged, archived record by record, without a copy of
 * the records. Each call reads the group's row, decides on its window, and writes it where it has changed: one row for an
 * acquisition and one for an acknowledgement, however many records. Locks that have ended are noticed by the next call, so
 * that nothing runs for a group that nobody uses.
 *
 * Members see what is committed. What is no record any more when it would be handed out counts as done.
 */

import { acknowledge } from '../../core/share/acknowledge.ts';
import { shareDeadLetter } from '../../core/share/dead-letter.ts';
import { ShareWindow, type Acquired, type Archived } from '../../core/share/share-window.ts';
import { addRange, type Ranges } from '../../core/queue/ranges.ts';
import { beginsAtEnd, type ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import { isFailure } from '../../protocol/errors.ts';
import { BATCH_INFLATED_BYTES_MAX } from '../../protocol/limits.ts';
import {
  decodeRecords,
  eachRecordKey,
  isBatchFailure,
  splitBatches,
  type BatchHeader,
  type Inflate,
  type LogRecord,
} from '../../protocol/record-batch/index.ts';
import type { ProducedLog } from './produced-log.ts';
import { packedWithin } from './share-packing.ts';
import { concatenate } from '../storage/bytes.ts';
import type { SegmentLog } from '../storage/segment-log.ts';
import type { Sql } from '../storage/sql.ts';
import type {
  ShareAcknowledge,
  ShareAcknowledged,
  ShareAcquire,
  ShareAcquired,
  ShareView,
  StaleGroup,
} from './share-calls.ts';
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
    const { produced, now } = this.#host;
    const nowMs = now();
    const archived = window.expire(nowMs, group.config.delivery_limit);
    const lock = { memberId, expiresAtMs: nowMs + lockMs };
    const acquired: Acquired[] = [];
    const chunks: Uint8Array[] = [];
    let recordsLeft = recordsMax;
    let bytesLeft = bytesMax;
    let position = window.nextAvailable(window.startOffset);
    while (recordsLeft > 0 && bytesLeft > 0 && !(position >= window.endOffset && window.isFull)) {
      const read = produced.read(position, bytesLeft, recordsLeft, 'read_committed');
      if (isFailure(read) || read.nextOffset === position) break;
      const batches = read.chunks.flatMap((chunk) => batchesOf(chunk));
      const existing = this.#offsetsOf(batches, position, read.nextOffset);
      const taken = window.acquire(position, read.nextOffset, existing, recordsLeft, lock);
      for (const { chunk, at, header } of batches) {
        if (!taken.some((run) => overlaps(header, run))) continue;
        chunks.push(chunk.subarray(at, at + header.sizeInBytes));
        bytesLeft -= header.sizeInBytes;
      }
      acquired.push(...taken);
      recordsLeft -= taken.reduce((sum, { start, end }) => sum + end - start, 0);
      position = window.nextAvailable(read.nextOffset);
    }
    if (isAccepted) window.acceptAll(acquired);
    // A group that begins at the end has to know where that was.
    if (window.isChanged || (isNew && this.#beginsAtEnd(group))) this.#write(group, window, archived, nowMs);
    return {
      batches: concatenate(chunks),
      acquired,
      expiresAtMs: lock.expiresAtMs,
      waitOffset: window.isFull ? null : window.endOffset,
      nextExpiryMs: window.nextExpiryMs,
    };
  }

  acknowledge({ group, memberId, acknowledgements }: ShareAcknowledge): ShareAcknowledged | StaleGroup {
    const opened = this.#open(group);
    if (!opened) return STALE_GROUP;
    const { window } = opened;
    const nowMs = this.#host.now();
    const deliveryLimit = group.config.delivery_limit;
    const archived = window.expire(nowMs, deliveryLimit);
    const context = { memberId, deliveryLimit, nowMs };
    const outcomes = acknowledgements.map((one) => acknowledge(window, one, context, archived));
    if (window.isChanged) this.#write(group, window, archived, nowMs);
    return outcomes;
  }

  /** What is so now: nothing is written. */
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
      lag: acquired + available + Math.max(0, this.#host.produced.lastStableOffset - window.endOffset),
      deadLettersWaiting: this.store.countDeadLetters(group.name),
    };
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
      for (const { count, data } of packedWithin(this.#deadLetters(group, archived, nowMs)))
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
      for (const { chunk, at, header } of read.chunks.flatMap((bytes) => batchesOf(bytes))) {
        if (header.isControl) continue;
        const options = { inflate: this.#host.inflate, inflatedBytesMax: BATCH_INFLATED_BYTES_MAX };
        const records = decodeRecords(chunk, at, header, options);
        if (isBatchFailure(records)) throw new Error(`a stored batch cannot be read: ${records.message}`);
        for (const record of records) if (record.offset >= position && record.offset < end) yield record;
      }
      position = read.nextOffset;
    }
  }

  /** Which offsets of `[from, to)` are records. Only a batch that compaction has thinned out has to be looked into. */
  #offsetsOf(batches: readonly StoredBatch[], from: number, to: number): Ranges {
    const offsets: Ranges = [];
    const add = (start: number, end: number): void => {
      const first = Math.max(start, from);
      if (first < Math.min(end, to)) addRange(offsets, first, Math.min(end, to));
    };
    for (const { chunk, at, header } of batches) {
      const { baseOffset, lastOffsetDelta, recordCount } = header;
      if (recordCount === lastOffsetDelta + 1) {
        add(baseOffset, baseOffset + recordCount);
        continue;
      }
      const options = { inflate: this.#host.inflate, inflatedBytesMax: BATCH_INFLATED_BYTES_MAX };
      const failed = eachRecordKey(chunk, at, header, ({ offset }) => add(offset, offset + 1), options);
      if (failed) throw new Error(`a stored batch cannot be read: ${failed.message}`);
    }
    return offsets;
  }
}

interface StoredBatch {
  chunk: Uint8Array;
  at: number;
  header: BatchHeader;
}

function batchesOf(chunk: Uint8Array): StoredBatch[] {
  const batches = splitBatches(chunk);
  if (isBatchFailure(batches)) throw new Error(`stored batches cannot be read: ${batches.message}`);
  return batches.map(({ at, header }) => ({ chunk, at, header }));
}

function overlaps({ baseOffset, lastOffsetDelta }: BatchHeader, { start, end }: Acquired): boolean {
  return start <= baseOffset + lastOffsetDelta && baseOffset < end;
}
