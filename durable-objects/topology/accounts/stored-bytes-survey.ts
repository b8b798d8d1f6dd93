/**
 * Stored-bytes survey: asks objects what they store. All are asked once, in slices, after a quota was set, because objects without
 * a publish do not know of it. While the namespace is full and somebody publishes, those that store something are asked in
 * turns, because an object that has slept reports nothing of what it frees.
 */

import { AUDIT_TOPIC } from '../../../core/access/audit-topic.ts';
import {
  LARGE_BODIES,
  parseStoringKey,
  storingKey,
  type StoringObject,
} from '../../../core/cost/stored-bytes.ts';
import type { Env } from '../../env.ts';
import type { Alarm } from '../../runtime/alarm.ts';
import type { Sql } from '../../storage/sql.ts';
import { partitionStub, queueStub, transactionStub } from '../../stubs.ts';
import type { TopologyStore } from '../topology-store.ts';
import { BucketCount } from './bucket-count.ts';
import { RecentNames } from './recent-names.ts';

/** Queues or topics that one slice asks, and objects that one turn asks. */
const PER_SLICE = 64;

/** Between two turns while the namespace is full. */
const TURN_MS = 5_000;

/** After an object could not be reached. */
const RETRY_DELAY_MS = 5_000;

const TASK = 'stored-bytes';

export interface SurveyHost {
  readonly env: Env;
  readonly sql: Sql;
  readonly alarm: Alarm;
  readonly namespace: string;
  readonly store: () => TopologyStore;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

export class StoredBytesSurvey {
  readonly #host: SurveyHost;
  readonly #bucket: BucketCount;
  readonly #gone = new RecentNames();
  #after = '';
  #turnMs = -Infinity;
  #isAsking = false;
  /** The survey has counted the bucket, which changed meanwhile: it is counted again when nothing is on its way. */
  #isBucketCounted = false;
  /** Keys of those that have reported since the objects under way were asked: their reports are newer than their answers may be. */
  readonly #reported = new Set<string>();

  constructor(host: SurveyHost) {
    this.#host = host;
    this.#bucket = new BucketCount(host.env, host.namespace);
    host.alarm.register(TASK, (nowMs) => {
      host.waitUntil(this.#nextSlice());
      return nowMs + RETRY_DELAY_MS; // should it fail, or this object be gone before it is done
    });
    this.begin();
  }

  /** Begins or goes on, if a survey is under way. */
  begin(): void {
    if (this.#host.store().stored.surveyAfter() === null) return;
    this.#host.alarm.scheduleEarlier(TASK, Date.now() + 1);
  }

  /** Whether the object exists as its report says, and counts. */
  isCounted({ kind, name, id }: StoringObject): boolean {
    const { queues, topics } = this.#host.store();
    if (kind === 'transaction' || kind === 'objects') return true;
    if (kind === 'queue') return queues.get(name)?.definition.id === id;
    return name !== AUDIT_TOPIC && topics.get(name)?.id === id;
  }

  /** Takes what an object reports by itself. */
  report(object: StoringObject, bytes: number): void {
    this.#host.store().stored.put(object, bytes);
    if (this.#isAsking) this.#reported.add(storingKey(object));
  }

  /** Takes what comes to the bucket, or goes, as a router tells it. @param gone what has gone: it counts once */
  changeObjects(bytes: number, gone?: string): void {
    const { stored } = this.#host.store();
    if (gone !== undefined && !this.#gone.note(gone)) return;
    this.#bucket.noteChange(bytes, Date.now());
    stored.put(LARGE_BODIES, Math.max(0, stored.bytesOf(LARGE_BODIES) + bytes));
  }

  /** Asks the next objects that store something, unless that has just happened. */
  takeTurn(nowMs: number): void {
    if (this.#isAsking || (nowMs < this.#turnMs + TURN_MS && nowMs >= this.#turnMs)) return;
    this.#turnMs = nowMs;
    const keys = this.#host.store().stored.keysAfter(this.#after, PER_SLICE);
    this.#after = keys.length < PER_SLICE ? '' : keys.at(-1)!;
    const isBucketDue = this.#bucket.isDue(nowMs);
    const objects = keys.map(parseStoringKey).filter(({ kind }) => kind !== 'objects' || isBucketDue);
    const work = this.#ask(objects).catch((error: unknown) => {
      console.error('objects could not be asked what they store', error);
    });
    this.#host.waitUntil(work);
  }

  async #nextSlice(): Promise<void> {
    const after = this.#host.store().stored.surveyAfter();
    if (after === null || this.#isAsking) return this.#schedule(after);
    const { objects, next } = this.#sliceAfter(after);
    try {
      const isWhole = await this.#ask(objects);
      if (isWhole) this.#host.store().stored.noteSurvey(next);
      this.#schedule(isWhole ? next : after);
    } catch (error) {
      console.error('objects could not be asked what they store', error); // the task repeats the slice
    }
  }

  #schedule(next: string | null): void {
    const nextMs = this.#isBucketCounted ? Math.max(this.#bucket.quietMs, Date.now() + 1) : Date.now() + 1;
    this.#host.alarm.schedule(TASK, next === null ? null : nextMs);
  }

  /** The next queues, after the last of them topics, and then the bucket. @param after a name with its kind, or nothing */
  #sliceAfter(after: string): { objects: StoringObject[]; next: string | null } {
    const { queues, topics } = this.#host.store();
    const [kind = ''] = after.split(' ', 1);
    const name = after.slice(kind.length + 1);
    if (kind === 'objects') return { objects: [LARGE_BODIES], next: null };
    if (kind !== 'topic') {
      const names = queues.namesAfter(name, PER_SLICE);
      const objects = names.map((queue): StoringObject => ({
        kind: 'queue',
        name: queue,
        id: queues.get(queue)!.definition.id,
        partition: 0,
      }));
      return { objects, next: names.length < PER_SLICE ? 'topic ' : `queue ${names.at(-1)!}` };
    }
    const names = topics.namesAfter(name, PER_SLICE);
    const objects: StoringObject[] = [];
    for (const topic of names) {
      const { id, config } = topics.get(topic)!;
      for (let partition = 0; partition < config.partitions; partition++)
        objects.push({ kind: 'partition', name: topic, id, partition });
      if (objects.length >= PER_SLICE) return { objects, next: `topic ${topic}` };
    }
    return { objects, next: names.length < PER_SLICE ? 'objects ' : `topic ${names.at(-1)!}` };
  }

  /** Those that cannot be reached fail it, after the others have answered. @returns false if the bucket is not counted yet */
  async #ask(objects: readonly StoringObject[]): Promise<boolean> {
    this.#isAsking = true;
    let isWhole = true;
    try {
      const failed: unknown[] = [];
      for (let first = 0; first < objects.length; first += PER_SLICE) {
        const some = objects.slice(first, first + PER_SLICE);
        this.#reported.clear();
        const answers = await Promise.allSettled(some.map((object) => this.#bytesOf(object)));
        this.#host.sql.transaction(() =>
          answers.forEach((answer, index) => {
            const object = some[index]!;
            if (answer.status === 'rejected') failed.push(answer.reason);
            else if (answer.value === null) isWhole = false;
            else if (this.isCounted(object) && !this.#reported.has(storingKey(object)))
              this.#host.store().stored.put(object, answer.value);
          }),
        );
      }
      if (failed.length > 0) throw failed[0];
      return isWhole;
    } catch (error) {
      this.#host.store().stored.recount();
      throw error;
    } finally {
      this.#isAsking = false;
    }
  }

  async #bytesOf(object: StoringObject): Promise<number | null> {
    const { env, namespace, store } = this.#host;
    const { kind, name, partition } = object;
    if (!this.isCounted(object)) return 0;
    if (kind === 'objects') return await this.#countBucket();
    if (kind === 'transaction') return await transactionStub(env, namespace, name).storedBytes();
    if (kind === 'queue') return await queueStub(env, store().queues.get(name)!.definition).storedBytes();
    return await partitionStub(env, store().topics.get(name)!, partition).storedBytes();
  }

  /** A count that may have missed what comes at the same time raises what was told, and lowers nothing. */
  async #countBucket(): Promise<number | null> {
    if (this.#isBucketCounted && Date.now() < this.#bucket.quietMs) return null;
    const total = await this.#bucket.step(Date.now());
    if (total === null) return null;
    this.#isBucketCounted = !total.isExact;
    const told = this.#host.store().stored.bytesOf(LARGE_BODIES);
    this.report(LARGE_BODIES, total.isExact ? total.bytes : Math.max(told, total.bytes));
    return total.isExact ? total.bytes : null;
  }
}
