/**
 * Bucket count: the bytes of the objects and uploads of a namespace, added up from lists of the bucket. Routers tell what comes and
 * goes; this is for what was there before the quota, and for what a router that crashed has told or not.
 */

import { objectPrefix } from '../../../core/objects/object-key.ts';
import { UPLOADS_PREFIX } from '../../../core/objects/upload.ts';
import type { Env } from '../../env.ts';

/** Lists of one step: 20,000 objects. */
const LISTS_PER_STEP = 20;

/** Lists cost money: for a namespace that is full, a count begins at most so often. */
const PAUSE_MS = 600_000;

/** How long what was announced may be on its way to the bucket. */
const QUIET_MS = 60_000;

export interface BucketTotal {
  readonly bytes: number;
  /** Nothing has come or gone meanwhile, nor was on its way. */
  readonly isExact: boolean;
}

export class BucketCount {
  readonly #env: Env;
  readonly #namespace: string;
  /** Null: no count is under way. */
  #running: { prefix: string; after: string | undefined; bytes: number } | null = null;
  #begunMs = -Infinity;
  #quietMs = -Infinity;

  constructor(env: Env, namespace: string) {
    this.#env = env;
    this.#namespace = namespace;
  }

  /** Something was announced that comes to the bucket, or something has gone. */
  noteChange(bytes: number, nowMs: number): void {
    this.#quietMs = Math.max(this.#quietMs, nowMs + (bytes > 0 ? QUIET_MS : 1));
  }

  /** From when on a count is exact, unless something more comes or goes. */
  get quietMs(): number {
    return this.#quietMs;
  }

  /** Returns true if a count may begin or go on, while nobody waits for it. */
  isDue(nowMs: number): boolean {
    if (this.#running !== null) return true;
    return nowMs >= this.#begunMs + PAUSE_MS && nowMs >= this.#quietMs;
  }

  /**
   * Counts on. Uploads come before objects: one that is completed meanwhile is counted twice rather than not at all.
   *
   * @returns null if there is more to count
   */
  async step(nowMs: number): Promise<BucketTotal | null> {
    const { OBJECTS: bucket } = this.#env;
    if (bucket === undefined) return { bytes: 0, isExact: true };
    if (this.#running === null) this.#begunMs = nowMs;
    const count = (this.#running ??= { prefix: UPLOADS_PREFIX, after: undefined, bytes: 0 });
    for (let lists = 0; lists < LISTS_PER_STEP; lists++) {
      const { prefix, after } = count;
      const page = await bucket.list({
        prefix,
        include: ['customMetadata'],
        ...(after !== undefined && { startAfter: after }),
      });
      for (const object of page.objects) count.bytes += this.#bytesOf(object, prefix);
      count.after = page.objects.at(-1)?.key;
      if (page.truncated) continue;
      if (prefix !== UPLOADS_PREFIX) {
        this.#running = null;
        return { bytes: count.bytes, isExact: this.#begunMs >= this.#quietMs };
      }
      [count.prefix, count.after] = [objectPrefix(this.#namespace), undefined];
    }
    return null;
  }

  /** Notes of uploads are of all namespaces, and say what the upload has room for. */
  #bytesOf({ size, customMetadata }: R2Object, prefix: string): number {
    if (prefix !== UPLOADS_PREFIX) return size;
    return customMetadata?.['namespace'] === this.#namespace ? Number(customMetadata['bytes']) : 0;
  }
}
