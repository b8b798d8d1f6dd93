/**
 * Producer rows: a queue keeps its producers in rows that it writes anyway, so idempotence costs no row.
 *
 * What has changed since the last snapshot is written, whole, with a version that only grows, into the row that a commit
 * writes last: the tail of a lane, or `totals` if messages were only parked. The newest version is always in one of
 * four rows: the tail of a lane, `totals`, the reserved row of `segments`, or the snapshot. Three rules keep it there:
 *
 *   - a commit that writes a lane takes it along if it is in a segment, which may be the tail no longer;
 *   - the row that has it is not deleted: it becomes the reserved row, which is one row written, as its deletion is;
 *   - once too much has changed, a snapshot of all is written, which is the one row more, for 64 producers or so.
 *
 * A publish of which nothing was stored, but some message was known by its id, writes no row. It is kept in memory, and
 * goes with the next row.
 */

import type { PublishRange, SequencePart, Taken } from '../../../core/producers/gapped-sequences.ts';
import { PRODUCERS_ROW_KEY, rowKeyOf } from '../../../core/queue/state/lane.ts';
import {
  fromStored,
  QueueProducers,
  toStored,
  type PublishException,
  type PublishProducer,
  type StoredExchangeProducer,
  type StoredProducer,
} from '../../../core/queue/publish/queue-producers.ts';
import type { Failure } from '../../../protocol/errors.ts';
import type { QueueStore } from './queue-store.ts';

/** More producers than this, or more characters, and a snapshot is written instead. */
export const CHANGED_MAX = 64;
const TEXT_LENGTH_MAX = 16 * 1024;

/** A snapshot must fit a row. Above it those heard of longest ago are forgotten. */
const SNAPSHOT_LENGTH_MAX = 1024 * 1024;

/** The row key of a segment, or the row of totals. */
type Holder = number | 'totals';

type Stored = StoredProducer | StoredExchangeProducer;

interface Changed {
  version: number;
  producers: Stored[];
}

export class ProducerRows {
  readonly #store: QueueStore;
  #producers = new QueueProducers();
  #version = 0;
  /** What the holder has; null if the snapshot has all. */
  #text: string | null = null;
  #holder: Holder | null = null;
  /** Memory knows more than the rows. */
  #isAhead = false;
  #nowMs = 0;

  constructor(store: QueueStore) {
    this.#store = store;
  }

  /** How many producers are remembered. */
  get count(): number {
    return this.#producers.size;
  }

  /** Derives all from the rows. @param totals what the row of totals has */
  load(totals: string | null): void {
    const snapshot = this.#store.producerSnapshot();
    let newest: (Changed & { holder: Holder; text: string }) | null = null;
    const rows: { holder: Holder; text: string }[] = this.#store.producerTexts();
    if (totals !== null) rows.push({ holder: 'totals', text: totals });
    for (const { holder, text } of rows) {
      const changed = JSON.parse(text) as Changed;
      if (changed.version > (newest?.version ?? snapshot?.version ?? 0))
        newest = { ...changed, holder, text };
    }
    const stored = JSON.parse(snapshot?.json ?? '[]') as Stored[];
    this.#producers = new QueueProducers(stored.map(fromStored), newest?.producers.map(fromStored));
    this.#version = newest?.version ?? snapshot?.version ?? 0;
    this.#text = newest?.text ?? null;
    this.#holder = newest?.holder ?? null;
    this.#isAhead = false;
  }

  judge(producer: PublishProducer, count: number, nowMs: number): PublishException[] | Failure | null {
    return this.#producers.judge(producer, count, nowMs);
  }

  take(
    producer: PublishProducer,
    count: number,
    exceptions: readonly PublishException[],
    nowMs: number,
  ): void {
    this.#producers.take(producer, count, exceptions, nowMs);
    this.#nowMs = nowMs;
    this.#isAhead = true;
  }

  judgeMessages(
    range: PublishRange,
    sequences: readonly number[],
    nowMs: number,
  ): (Taken<SequencePart> | null)[] | Failure {
    return this.#producers.judgeMessages(range, sequences, nowMs);
  }

  takeMessages(range: PublishRange, sequences: readonly number[], nowMs: number): void {
    this.#producers.takeMessages(range, sequences, nowMs);
    this.#nowMs = nowMs;
    this.#isAhead = true;
  }

  /** What the segment has to say that is written last. */
  forSegment(rowKey: number): string | null {
    const isInSegment = typeof this.#holder === 'number' && this.#holder !== PRODUCERS_ROW_KEY;
    return this.#isAhead || isInSegment ? this.#put(rowKey) : null;
  }

  /** What the row of totals has to say, which is written anyway. */
  forTotals(): string | null {
    return this.#isAhead || this.#holder === 'totals' ? this.#put('totals') : null;
  }

  /** Removes a segment. */
  deleteSegment(rowKey: number): void {
    const text = this.#isAhead || this.#holder === rowKey ? this.#put(PRODUCERS_ROW_KEY) : null;
    if (text === null) this.#store.deleteSegment(rowKey);
    else this.#store.reserveSegment(rowKey, text);
  }

  /** Removes the segments of a lane from an offset on. */
  deleteSegmentsFrom(lane: number, from: number): void {
    const holder = this.#holder;
    if (typeof holder === 'number' && holder >= rowKeyOf(lane, from) && holder < rowKeyOf(lane + 1, 0)) {
      this.deleteSegment(holder);
    }
    this.#store.deleteSegmentsFrom(lane, from);
  }

  #put(holder: Holder): string | null {
    if (this.#isAhead) {
      this.#isAhead = false;
      this.#version += 1;
      const { changed } = this.#producers;
      const text = JSON.stringify({
        version: this.#version,
        producers: changed.map(toStored),
      } satisfies Changed);
      const isTooMuch = changed.length > CHANGED_MAX || text.length > TEXT_LENGTH_MAX;
      this.#text = isTooMuch ? null : text;
      if (isTooMuch) this.#store.writeProducerSnapshot(this.#version, this.#snapshot());
    }
    this.#holder = this.#text === null ? null : holder;
    return this.#text;
  }

  #snapshot(): string {
    const texts = this.#producers.compact(this.#nowMs).map((producer) => JSON.stringify(toStored(producer)));
    let length = texts.reduce((sum, text) => sum + text.length + 1, 0);
    let first = 0;
    while (length > SNAPSHOT_LENGTH_MAX) length -= texts[first++]!.length + 1;
    return `[${texts.slice(first).join()}]`;
  }
}
