/**
 * Tier: the part of a partition's log that lies in the bucket. It seals segments (sealer.ts), deletes objects that nothing refers
 * to, and repeats reads that lack bytes of the bucket when they are in memory.
 */

import { failure, type Failure } from '../../../protocol/errors.ts';
import { tierPrefix } from '../../../core/log/tier/tier-key.ts';
import { ColdMiss } from '../../storage/cold-part.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';
import { coldCache, type ColdCache } from './cold-cache.ts';
import { ColdSegments } from './cold-segments.ts';
import { Sealer, type Tiered } from './sealer.ts';
import { TierStore } from './tier-store.ts';

const SWEEP_TASK = 'tier-orphans';

/** Keys of one list and one deletion: R2's most. */
const KEYS_PER_SLICE = 1_000;

/** After the bucket has failed to delete. */
const SWEEP_RETRY_MS = 300_000;

/** Loads of one read. Only a search or a long run of aborted records needs more than one. */
const LOADS_MAX = 16;

/** The bucket did not return the bytes that a read needs. */
export class ColdUnavailable extends Error {
  readonly failure: Failure;

  constructor({ key }: ColdMiss, reason: unknown) {
    const message = reason instanceof Error ? reason.message : String(reason);
    super(message);
    this.failure = failure('cold_unavailable', `these records are in the bucket: ${message}`, {
      object: key,
    });
  }
}

export interface TierHost {
  open(): Tiered | null;
  sync(): Promise<void>;
  /** Rows of the log have gone. */
  sealed(): void;
}

export class Tier {
  readonly #context: ObjectContext;
  readonly #host: TierHost;
  readonly #cache: ColdCache;
  readonly #sealer: Sealer;
  #segments: ColdSegments | null = null;
  #isSweeping = false;

  /** @param cache that of the isolate */
  constructor(context: ObjectContext, host: TierHost, cache = coldCache) {
    this.#context = context;
    this.#host = host;
    this.#cache = cache;
    this.#sealer = new Sealer(context, { ...host, noted: () => this.scheduleSweep() });
    context.alarm.register(SWEEP_TASK, (nowMs) => this.#sweepDue(nowMs));
  }

  /** Opens the cold part of a partition. @param isUsed whether it has ever had one */
  openPart(
    { topic, partition }: PartitionDefinition,
    isUsed: boolean,
  ): { objects: TierStore; cold: ColdSegments } {
    const objects = new TierStore(this.#context.sql, isUsed);
    this.#segments = new ColdSegments(objects, this.#cache, tierPrefix(topic, partition));
    return { objects, cold: this.#segments };
  }

  /** The partition was read from its rows. */
  woke(): void {
    this.scheduleSweep();
    this.wake();
  }

  /** Seals if the hot part is too large. */
  wake(): void {
    this.#sealer.wake();
  }

  /** Orphans may have come or gone. */
  scheduleSweep(): void {
    const open = this.#host.open();
    if (open?.objects.isUsed) this.#context.alarm.schedule(SWEEP_TASK, open.objects.nextOrphanMs());
  }

  /**
   * Runs what reads the log. If it lacks bytes of the bucket, loads them and runs it again: it must change nothing before it has
   * all that it needs. Rejects with a `ColdUnavailable` if the bucket fails.
   * @param action `hasLoaded`: it was run before
   */
  async read<Result>(action: (hasLoaded: boolean) => Result): Promise<Result> {
    let failedKey: string | null = null;
    let reason: unknown;
    for (let loads = 0; ; loads++) {
      let miss: ColdMiss;
      try {
        return action(loads > 0);
      } catch (error) {
        if (!(error instanceof ColdMiss)) throw error;
        miss = error;
      }
      if (failedKey === miss.key) {
        console.error('records of the log could not be read from the bucket', reason);
        throw new ColdUnavailable(miss, reason);
      }
      if (loads >= LOADS_MAX)
        throw new Error('a read of the log needs more of the bucket than memory may hold');
      try {
        await this.#load(miss);
      } catch (error) {
        [failedKey, reason] = [miss.key, error]; // thrown unless retention has removed the object meanwhile
      }
    }
  }

  /** A reader goes on at the offset: loads what follows the bytes that are in memory. */
  readAhead(offset: number): void {
    const open = this.#host.open();
    if (open === null || !open.log.isCold(offset)) return;
    const next = this.#segments?.chunkAfter(offset);
    if (next) this.#context.waitUntil(this.#load(next).catch(() => {})); // the read that needs it says so
  }

  /** Deletes all objects of a partition that is deleted, and not open any more. Repeated if it rejects. */
  async remove({ topic, partition }: PartitionDefinition, isUsed: boolean): Promise<void> {
    await this.#sealer.end();
    this.#context.alarm.schedule(SWEEP_TASK, null);
    if (!isUsed) return;
    const { OBJECTS: bucket } = this.#context.env;
    if (bucket === undefined) {
      console.error(`the bucket OBJECTS is not bound any more; it may keep ${tierPrefix(topic, partition)}`);
      return;
    }
    for (;;) {
      const prefix = tierPrefix(topic, partition);
      const { objects, truncated } = await bucket.list({ prefix, limit: KEYS_PER_SLICE });
      if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key));
      if (!truncated) return;
    }
  }

  #load(miss: ColdMiss): Promise<void> {
    return this.#cache.load(this.#bucket(), miss);
  }

  #bucket(): R2Bucket {
    const { OBJECTS: bucket } = this.#context.env;
    if (bucket) return bucket;
    throw new Error('records of the log are in the bucket OBJECTS, which is not bound any more');
  }

  #sweepDue(nowMs: number): number | null {
    const open = this.#host.open();
    if (open === null) return null;
    if (open.objects.dueOrphans(nowMs, this.#sealer.attempt, 1).length === 0)
      return open.objects.nextOrphanMs();
    if (!this.#isSweeping) this.#context.waitUntil(this.#sweep(open, nowMs));
    return nowMs + SWEEP_RETRY_MS;
  }

  /** Never rejects. */
  async #sweep({ objects, definition: { topic, partition } }: Tiered, nowMs: number): Promise<void> {
    this.#isSweeping = true;
    try {
      for (;;) {
        const keys = objects.dueOrphans(nowMs, this.#sealer.attempt, KEYS_PER_SLICE);
        if (keys.length === 0) break;
        await this.#bucket().delete(keys.map((key) => tierPrefix(topic, partition) + key));
        if (this.#host.open()?.objects !== objects) return;
        objects.removeOrphans(keys);
      }
      this.scheduleSweep();
    } catch (error) {
      console.error('objects of the bucket that nothing refers to could not be deleted; trying again', error);
    } finally {
      this.#isSweeping = false;
    }
  }
}
