/**
 * Bucket count: the bytes of the objects and uploads of a namespace, added up from lists of the bucket. Routers tell what comes and
 * goes; this is for what was there before the quota, and for what a router that crashed has told or not.
 */

import { objectPrefix } from '../../../core/objects/object-key.ts';
import { UPLOADS_PREFIX } from '../../../core/objects/upload.ts';
import type { Env } from '../../env.ts';

/** Lists of one step: 20,000 objects. */
const LISTS_PER_STEP = 20;

/** A count begins at most so often, because lists cost money, and not before what was just announced is in the bucket. */
const PAUSE_MS = 600_000;
const QUIET_MS = 60_000;

export class BucketCount {
  readonly #env: Env;
  readonly #namespace: string;
  /** Null: no count is under way. */
  #running: { prefix: string; after: string | undefined; bytes: number } | null = null;
  #begunMs = -Infinity;
  #changedMs = -Infinity;

  constructor(env: Env, namespace: string) {
    this.#env = env;
    this.#namespace = namespace;
  }

  /** Something was announced, and will come to the bucket. */
  noteChange(nowMs: number): void {
    this.#changedMs = nowMs;
  }

  /** Returns true if a count may begin or go on, while nobody waits for it. */
  isDue(nowMs: number): boolean {
    if (this.#running !== null) return true;
    return nowMs >= this.#begunMs + PAUSE_MS && nowMs >= this.#changedMs + QUIET_MS;
  }

  /** Counts on. Returns the bytes; null if there is more to count. */
  async step(nowMs: number): Promise<number | null> {
    const { OBJECTS: bucket } = this.#env;
    if (bucket === undefined) return 0;
    if (this.#running === null) this.#begunMs = nowMs;
    const count = (this.#running ??= { prefix: objectPrefix(this.#namespace), after: undefined, bytes: 0 });
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
      if (prefix === UPLOADS_PREFIX) {
        this.#running = null;
        return count.bytes;
      }
      [count.prefix, count.after] = [UPLOADS_PREFIX, undefined];
    }
    return null;
  }

  /** Notes of uploads are of all namespaces, and say what the upload has room for. */
  #bytesOf({ size, customMetadata }: R2Object, prefix: string): number {
    if (prefix !== UPLOADS_PREFIX) return size;
    return customMetadata?.['namespace'] === this.#namespace ? Number(customMetadata['bytes']) : 0;
  }
}
