/**
 * Partition work: one partition while this member owns it. It holds fetched records, records in handlers, and the
 * progress.
 *
 *   assigning   `onAssigned` is being asked; nothing is fetched
 *   active      fetched and handled
 *   ended       revoked, lost or stopped: nothing more begins; what is in hand may end, and, unless lost, be committed
 */

import type { IdentifiedPartition } from '../../../protocol/schemas/groups.ts';
import type { GroupSection } from '../../../protocol/frames/group-frame.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { recordsOfFetch, type Fetched } from '../../reader/fetch-request.ts';
import { GroupRecord, type Origin, type RecordPosition } from '../group-record.ts';
import type { Codecs } from '../../client/codecs.ts';
import type { AssignedPartition } from '../../values/assigned-partition.ts';
import type { GroupOwner } from '../../values/offset-to-commit.ts';
import { Progress, type Step } from './progress.ts';

/** Records of one key that wait for the one before, in one partition at most: a limit to what is ahead of the commit. */
const AHEAD_MAX = 1_000;

/** What a handler is given at a time. */
export interface Unit {
  readonly work: PartitionWork;
  /** One for `eachRecord`. */
  records: readonly GroupRecord[];
  readonly step: Step;
  /** Counts up with each seek: what was in hand before says nothing about where reading goes on. */
  readonly generation: number;
  /** Attempts that were made. */
  attempts: number;
}

export type TakeMode = { by: 'record' | 'key' } | { by: 'batch'; most: number };

export class PartitionWork implements Origin {
  readonly topic: string;
  readonly topicId: number;
  readonly partition: number;
  readonly owner: GroupOwner;
  state: 'assigning' | 'active' | 'ended' = 'assigning';
  isPaused = false;
  /** Where to fetch on; null: from the committed offset, which the broker knows. */
  fetchFrom: number | null = null;
  /** The end of the partition, as the last fetch saw it. */
  highWatermark: number | null = null;
  readonly progress = new Progress();
  /** What the broker has, as far as is known. */
  committed: number | null = null;
  generation = 0;
  /** Ends when `onAssigned` has been asked. */
  prepared: Promise<void> = Promise.resolve();
  /** Fires when nothing more may begin. */
  readonly ending = new AbortController();
  /** Fires when the partition is another's. */
  readonly lost = new AbortController();
  /** Fetched and not decoded. */
  #chunks: Fetched[] = [];
  #chunkBytes = 0;
  #isDecoding = false;
  #records: GroupRecord[] = [];
  #next = 0;
  /** Where the next chunk begins: after the last record there may be markers of transactions, or what compaction removed. */
  #chunkEnd = 0;
  #inHand = 0;
  /** By key, if records of different keys are handled at the same time: those that wait for the one in hand. */
  readonly #lanes = new Map<string, Unit[]>();
  #ready: Unit[] = [];
  #ahead = 0;
  readonly #idle: (() => void)[] = [];

  readonly #codecs: Codecs;
  readonly #tell: (error: unknown) => void;
  readonly #received: (records: readonly GroupRecord[]) => void;

  constructor(
    { topic, topic_id: topicId, partition }: IdentifiedPartition,
    owner: GroupOwner,
    tell: (error: unknown) => void,
    received: (records: readonly GroupRecord[]) => void = () => {},
    codecs: Codecs = {},
  ) {
    this.#codecs = codecs;
    this.#tell = tell;
    this.#received = received;
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
    this.owner = owner;
  }

  get topicPartition(): AssignedPartition {
    return { topic: this.topic, topicId: this.topicId, partition: this.partition };
  }

  /** As requests name it. */
  get identified(): IdentifiedPartition {
    return { topic: this.topic, topic_id: this.topicId, partition: this.partition };
  }

  wantsMore(bytesMax: number): boolean {
    return this.state === 'active' && !this.isPaused && this.#chunkBytes <= bytesMax / 2;
  }

  /** What can be committed and is not; null if nothing has changed. */
  get uncommitted(): RecordPosition | null {
    const { position } = this.progress;
    return position === null || position === this.committed
      ? null
      : { ...this.topicPartition, offset: position };
  }

  /** Everything that the last fetch brought is handled. */
  get isAtEnd(): boolean {
    return this.#next === this.#records.length && this.progress.isDone;
  }

  accept({
    start_offset: start,
    next_offset: next,
    high_watermark: end,
    batches,
  }: GroupSection & { batches: Uint8Array }): void {
    if (this.progress.position === null) {
      this.progress.position = start;
      this.committed = start; // or nothing is committed, and committing where reading begins would say nothing
    }
    this.highWatermark = end;
    this.fetchFrom = next;
    const { partition } = this;
    this.#chunks.push({
      partition,
      topicId: this.topicId,
      startOffset: start,
      endOffset: next,
      nextOffset: next,
      readableEnd: end,
      batches,
    });
    this.#chunkBytes += batches.length;
  }

  /**
   * The next unit, which is in hand from then on; null if there is none for now.
   *
   * @param changed is called when records that were not decoded yet can be taken
   */
  take(mode: TakeMode, changed: (error?: unknown) => void): Unit | null {
    if (this.state !== 'active' || this.isPaused) return null;
    const unit = mode.by === 'key' ? this.#takeByKey() : this.#inHand > 0 ? null : this.#takeNext(mode);
    if (unit !== null) this.#inHand++;
    else if (this.#next === this.#records.length) this.#decode(changed);
    return unit;
  }

  /** @param isHandled or else given up: it is read again by whoever owns the partition next */
  finish(unit: Unit, isHandled: boolean): void {
    this.#inHand--;
    if (unit.generation === this.generation) {
      if (isHandled) this.progress.end(unit.step);
      this.#openLane(unit);
    }
    if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when nothing is in hand. */
  idle(): Promise<void> {
    return this.#inHand === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Where it is handled up to, as far as a batch in hand has said. */
  handledUpTo(unit: Unit, position: number): void {
    const rest = unit.records.filter(({ offset }) => offset >= position);
    if (rest.length > 0 && rest.length < unit.records.length && unit.generation === this.generation) {
      this.progress.position = position; // a batch is the only thing in hand
    }
    unit.records = rest;
  }

  /** Goes on at an offset, or, with null, where the group has committed. */
  seek(offset: number | null): void {
    this.generation++;
    this.fetchFrom = offset;
    this.progress.reset(offset);
    this.drop();
    this.#lanes.clear();
  }

  /** What waits is forgotten; what is in hand stays. */
  drop(): void {
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#records = [];
    this.#next = 0;
    this.#ready = [];
    this.#ahead = 0;
  }

  end(isLost: boolean): void {
    this.state = 'ended';
    this.drop();
    this.ending.abort();
    if (isLost) this.lost.abort();
  }

  #takeNext(mode: TakeMode): Unit | null {
    if (this.#next === this.#records.length) return null;
    const count = mode.by === 'batch' ? mode.most : 1;
    const records = this.#records.slice(this.#next, this.#next + count);
    this.#next += records.length;
    return this.#unit(records);
  }

  #takeByKey(): Unit | null {
    // After a seek what was in hand before has to end first: it may be of the same keys.
    if (this.#inHand > 0 && this.progress.isDone) return null;
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    while (this.#next < this.#records.length && this.#ahead < AHEAD_MAX) {
      const record = this.#records[this.#next++]!;
      const unit = this.#unit([record]);
      if (record.key === null) return unit;
      const lane = this.#lanes.get(record.keyText!);
      if (lane === undefined) {
        this.#lanes.set(record.keyText!, []);
        return unit;
      }
      lane.push(unit);
      this.#ahead++;
    }
    return null;
  }

  #openLane({ records }: Unit): void {
    const key = records[0]?.keyText ?? null;
    const lane = key === null ? undefined : this.#lanes.get(key);
    if (lane === undefined) return;
    const next = lane.shift();
    if (next === undefined) {
      this.#lanes.delete(key!);
    } else {
      this.#ahead--;
      this.#ready.push(next);
    }
  }

  #unit(records: readonly GroupRecord[]): Unit {
    const isLast = this.#next === this.#records.length;
    const step = this.progress.begin(isLast ? this.#chunkEnd : records.at(-1)!.offset + 1);
    return { work: this, records, step, generation: this.generation, attempts: 0 };
  }

  /** Records take several times the memory of what was fetched, so only one chunk at a time is decoded. */
  #decode(changed: (error?: unknown) => void): void {
    const chunk = this.#chunks[0];
    if (chunk === undefined || this.#isDecoding) return;
    this.#isDecoding = true;
    const { generation } = this;
    const make = (record: LogRecord): GroupRecord => new GroupRecord(this, record);
    // Damage in the log stops nobody: what is sound is handled, and the consumer is told of the rest.
    recordsOfFetch(chunk, make, this.#codecs, this.#tell).then(
      (records) => {
        this.#isDecoding = false;
        if (generation === this.generation && this.state === 'active') {
          this.#chunks.shift();
          this.#chunkBytes -= chunk.batches.length;
          this.#records = records;
          if (records.length > 0) this.#received(records);
          this.#next = 0;
          this.#chunkEnd = chunk.nextOffset;
          if (records.length === 0) this.progress.end(this.progress.begin(chunk.nextOffset));
        }
        changed();
      },
      (error: unknown) => {
        this.#isDecoding = false;
        changed(error);
      },
    );
  }
}
