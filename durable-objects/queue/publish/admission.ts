/**
 * Admission: published messages on their way into a queue. It collects them during a commit and stores them in as few
 * rows as possible.
 */

import { noteExpiry } from '../../../core/queue/state/expiry-look.ts';
import { admit, takesWhole, type Arrival, type AdmissionRules } from '../../../core/queue/publish/arrive.ts';
import type { PublishRange } from '../../../core/producers/gapped-sequences.ts';
import { deathRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import { isPlain, readMetadata } from '../../../core/queue/state/message-metadata.ts';
import type { QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import { hasOnlyValues } from '../../../core/queue/publish/plain-batch.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import {
  isBatchFailure,
  recordsAt,
  splitBatches,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import type { SegmentAppender } from '../rows/segment-appender.ts';
import { type LaneBatch, packed } from '../rows/packing.ts';
import type { Outbox } from '../dead-letters/outbox.ts';
import type { ParkedMessages } from '../time/parked-messages.ts';
import type { ProducerRows } from '../rows/producer-rows.ts';
import type { Published, PublishOptions } from '../../rpc/queue.ts';
import type { QueueStore } from '../rows/queue-store.ts';

type Source = NonNullable<PublishOptions['source']>;

interface Parts {
  /** The name of the queue. */
  name: string;
  store: QueueStore;
  writer: SegmentAppender;
  parked: ParkedMessages;
  outbox: Outbox;
  producers: ProducerRows;
}

/** A publish in progress. */
interface Current extends Published {
  /** How many of its first messages were taken before. */
  skip: number;
  /** The indexes of others that were taken before. */
  known: ReadonlySet<number>;
  rules: AdmissionRules;
  isRefused: boolean;
  nowMs: number;
}

const NONE: ReadonlySet<number> = new Set();

export class Admission {
  readonly #parts: Parts;
  /** Accepted by this commit and not in the state yet. */
  #pending = { count: 0, bytes: 0 };
  /** Ids of this commit, to be written as one row. */
  #ids: { id: string; untilMs: number }[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  publish(
    state: QueueMachine,
    bytes: Uint8Array,
    { source, producer, publish }: PublishOptions,
    nowMs: number,
  ): Published | Failure {
    const located = splitBatches(bytes);
    if (isBatchFailure(located)) {
      throw new Error(`the router let a batch through that is broken: ${located.message}`);
    }
    const { producers } = this.#parts;
    const total = located.reduce((sum, { header }) => sum + header.recordCount, 0);
    const judged = producer ? producers.judge(producer, total, nowMs) : null;
    if (judged !== null) return isFailure(judged) ? judged : { count: total, exceptions: judged };
    const sequences = publish && sequencesOf(publish, total);
    const known = publish ? this.#known(publish.range, sequences!, nowMs) : NONE;
    if (isFailure(known)) return known;
    const skip = source ? this.#taken(source) : 0;
    const rules = { isTransfer: source !== undefined, keepsOrder: (source ?? publish) !== undefined };
    const current: Current = { count: 0, exceptions: [], skip, known, rules, isRefused: false, nowMs };
    for (const { at, header } of located) {
      const { recordCount: count, sizeInBytes, lastOffsetDelta, maxTimestamp } = header;
      const batch = { bytes, at, sizeInBytes, lastOffsetDelta, maxTimestamp };
      if (
        current.count >= skip &&
        known.size === 0 &&
        !current.isRefused &&
        hasOnlyValues(bytes, at, header) &&
        takesWhole(state, this.#pending.count + count, this.#pending.bytes + sizeInBytes)
      ) {
        this.#pending.count += count;
        this.#pending.bytes += sizeInBytes;
        noteExpiry(state, { timestampMs: maxTimestamp, expirationMs: null });
        this.#parts.writer.add(0, { ...batch, isPlain: true });
      } else {
        this.#admit(state, batch, recordsAt(bytes, at), current);
      }
      current.count += count;
    }
    const { count, exceptions } = current;
    exceptions.sort((a, b) => a.index - b.index);
    const end = exceptions.find(({ outcome }) => outcome === 'rejected')?.index ?? count;
    if (source && end > skip) this.#parts.store.writeSource(source.name, numberOf(source, end - 1));
    state.counters.published += count - exceptions.length;
    const rejected = new Set(
      exceptions.flatMap(({ index, outcome }) => (outcome === 'rejected' ? [index] : [])),
    );
    if (producer && rejected.size < count) producers.take(producer, count, exceptions, nowMs);
    const taken = sequences?.filter((_, index) => !known.has(index) && !rejected.has(index)) ?? [];
    if (taken.length > 0) producers.takeMessages(publish!.range, taken, nowMs);
    return { count, exceptions };
  }

  /** Writes the accepted messages. */
  store(state: QueueMachine): void {
    if (this.#ids.length > 0) {
      const untilMs = Math.max(...this.#ids.map((id) => id.untilMs));
      this.#parts.store.insertIds(
        untilMs,
        this.#ids.map(({ id }) => id),
      );
      this.#ids = [];
    }
    state.arrivedFrom =
      state.nextExpiryMs < Infinity ? Array.from(state.lanes, (lane) => lane?.nextOffset ?? 0) : null;
    this.#parts.writer.flush(state);
    this.#pending = { count: 0, bytes: 0 };
  }

  /** Drops accepted messages that were not written. */
  clear(): void {
    this.#parts.writer.clear();
    this.#pending = { count: 0, bytes: 0 };
    this.#ids = [];
  }

  /** How many of the first messages were taken before. */
  #taken(source: Source): number {
    const known = this.#parts.store.sourceNumber(source.name);
    if (!source.numbers) return Math.max(0, known + 1 - source.firstNumber);
    const first = source.numbers.findIndex((number) => number > known);
    return first === -1 ? source.numbers.length : first;
  }

  /** The indexes of the messages of a publish through an exchange that were taken before. */
  #known(range: PublishRange, sequences: readonly number[], nowMs: number): ReadonlySet<number> | Failure {
    const judged = this.#parts.producers.judgeMessages(range, sequences, nowMs);
    if (isFailure(judged)) return judged;
    return new Set(judged.flatMap((taken, index) => (taken ? [index] : [])));
  }

  #admit(
    state: QueueMachine,
    batch: Omit<LaneBatch, 'isPlain'>,
    records: readonly LogRecord[],
    current: Current,
  ): void {
    const { writer, parked, outbox, name } = this.#parts;
    const { skip, known, nowMs, exceptions, rules } = current;
    const bytes = batch.sizeInBytes / records.length;
    const arrivals: Arrival[] = [];
    records.forEach((record, delta) => {
      const index = current.count + delta;
      if (index < skip || known.has(index)) exceptions.push({ index, outcome: 'duplicate' });
      else if (current.isRefused) exceptions.push({ index, outcome: 'rejected' });
      else arrivals.push({ index, record, metadata: readMetadata(record), bytes });
    });
    const admitted = admit(state, arrivals, this.#pending, nowMs, rules);
    current.isRefused ||= admitted.isCutShort;
    exceptions.push(...admitted.exceptions);
    this.#ids.push(...admitted.ids);
    for (const { dueMs, lane, arrivals: delayed } of admitted.parked) {
      parked.addNew(
        state,
        dueMs,
        lane,
        delayed.map(({ record }) => record),
      );
    }
    outbox.add(admitted.dead.map(({ record }) => deathRecord(record, 'maxlen', name, nowMs)));
    state.counters.published += admitted.dead.length;
    for (const [lane, stored] of admitted.stored) {
      const isWhole = stored.length === records.length;
      const plain = stored.every(({ metadata }) => isPlain(metadata));
      if (isWhole) writer.add(lane, { ...batch, isPlain: plain });
      else writer.add(lane, packed(stored.map(({ record }) => record)));
    }
  }
}

function sequencesOf({ range, indexes }: NonNullable<PublishOptions['publish']>, count: number): number[] {
  return Array.from({ length: count }, (_, nth) => range.sequence + (indexes?.[nth] ?? nth));
}

function numberOf({ firstNumber, numbers }: Source, index: number): number {
  return numbers?.[index] ?? firstNumber + index;
}
