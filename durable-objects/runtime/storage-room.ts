/**
 * Storage room: refuses appends that would fill an object, before the platform refuses everything. What is left above
 * the limit is for work that frees space: settlements, retries, compaction, dead letters on their way out.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { PENDING_APPEND_BYTES_MAX } from '../../protocol/limits.ts';
import type { Env } from '../env.ts';

/** An object holds 10 GB; a twentieth of it is the reserve. */
const OBJECT_BYTES_MAX_DEFAULT = 9_500_000_000;

/** Returns the bytes that an object takes. */
export function objectBytesMax(env: Env): number {
  return Number(env.POSTHORN_OBJECT_BYTES_MAX) || OBJECT_BYTES_MAX_DEFAULT;
}

/** What is taken before the storage is asked again how full it is: rows of other kinds are not counted here. */
const MEASURE_EVERY_BYTES = 16 * 1024 * 1024;
const MEASURE_EVERY_CALLS = 1_000;

/** Room comes back when messages are consumed or retention removes them, not within a second. */
const RETRY_AFTER_S = 10;

const OVERLOADED = {
  queue: failure(
    'queue_overloaded',
    'messages arrive faster than they can be stored; slow down and try again',
    {
      retry_after_s: 1,
    },
  ),
  partition: failure(
    'partition_overloaded',
    'appends arrive faster than they can be stored; slow down and try again',
    {
      retry_after_s: 1,
    },
  ),
};

const TO_FREE_SPACE = {
  queue: 'consume, purge, or use several queues',
  partition: 'lower the retention, delete records, or add partitions',
};

export class StorageRoom {
  readonly #kind: 'queue' | 'partition';
  readonly #sizeOf: () => number;
  readonly #bytesMax: number;
  #measured = 0;
  #taken = Infinity;
  #calls = 0;

  /** @param sizeOf the bytes of the object's database */
  constructor(kind: 'queue' | 'partition', env: Env, sizeOf: () => number) {
    this.#kind = kind;
    this.#sizeOf = sizeOf;
    this.#bytesMax = objectBytesMax(env);
  }

  /**
   * What an append of so many bytes is answered with; null if there is room for it.
   * @param pendingBytes those that are in memory and not on disk yet
   */
  refusal(pendingBytes: number, bytes: number): Failure | null {
    if (pendingBytes + bytes > PENDING_APPEND_BYTES_MAX) return OVERLOADED[this.#kind];
    this.#taken += bytes;
    this.#calls += 1;
    const isDue = this.#taken > MEASURE_EVERY_BYTES || this.#calls > MEASURE_EVERY_CALLS;
    if (isDue || this.#measured + this.#taken > this.#bytesMax) {
      this.#measured = this.#sizeOf();
      this.#taken = pendingBytes + bytes;
      this.#calls = 0;
    }
    if (this.#measured + this.#taken <= this.#bytesMax) return null;
    const message = `the ${this.#kind} holds nearly as much as an object can; ${TO_FREE_SPACE[this.#kind]}`;
    return failure('storage_full', message, { bytes_max: this.#bytesMax, retry_after_s: RETRY_AFTER_S });
  }
}
