/**
 * Cold cache: chunks of objects of the bucket, in the memory of the isolate. All partitions of an isolate share it, so that its
 * size does not grow with their number; the chunks that were used last stay.
 */

import { CHUNK_BYTES } from '../../../core/log/tier/object-index.ts';
import { ConcurrencyLimit } from '../../runtime/concurrency-limit.ts';
import { within } from '../../runtime/within.ts';

/** Of an isolate's 128 MB. A chunk has at most `CHUNK_BYTES` and a segment. */
const CACHE_BYTES_MAX = 6 * CHUNK_BYTES;

/** Chunks that are on their way: a reply of each is in memory before it is in the cache. The platform allows six connections. */
const LOADS_MAX = 3;

/** A reader is told sooner that the bucket does not answer than it gives up itself. */
const LOAD_MS_MAX = 20_000;

/** After which an object that has begun to load counts as gone. */
const PLACE_MS_MAX = LOAD_MS_MAX + 5_000;

/** What a chunk is of, and the bytes that it has. */
export interface ChunkAddress {
  /** The whole key in the bucket. */
  key: string;
  start: number;
  end: number;
}

export class ColdCache {
  readonly #chunks = new Map<string, Uint8Array>();
  readonly #loads = new Map<string, Promise<void>>();
  readonly #limit = new ConcurrencyLimit(LOADS_MAX, PLACE_MS_MAX);
  #bytes = 0;

  get(address: ChunkAddress): Uint8Array | undefined {
    const name = nameOf(address);
    const chunk = this.#chunks.get(name);
    if (chunk === undefined) return undefined;
    this.#chunks.delete(name);
    this.#chunks.set(name, chunk);
    return chunk;
  }

  /**
   * Loads a chunk, unless it is in memory or on its way. Rejects if the bucket fails or does not have it, or if the object that
   * began to load it has gone meanwhile.
   */
  async load(bucket: R2Bucket, address: ChunkAddress): Promise<void> {
    const name = nameOf(address);
    if (this.#chunks.has(name)) return;
    const begun = this.#loads.get(name);
    if (begun === undefined) return await this.#begin(bucket, address, name);
    try {
      await within(PLACE_MS_MAX, `a read of ${address.key}`, begun);
    } catch (error) {
      if (this.#loads.get(name) === begun) this.#loads.delete(name);
      throw error;
    }
  }

  #begin(bucket: R2Bucket, address: ChunkAddress, name: string): Promise<void> {
    const load = this.#limit
      .run(() => within(LOAD_MS_MAX, `a read of ${address.key}`, read(bucket, address)))
      .then((bytes) => this.#put(name, bytes))
      .finally(() => {
        if (this.#loads.get(name) === load) this.#loads.delete(name);
      });
    this.#loads.set(name, load);
    return load;
  }

  #put(name: string, bytes: Uint8Array): void {
    if (this.#chunks.has(name)) return;
    this.#chunks.set(name, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, chunk] of this.#chunks) {
      if (this.#bytes <= CACHE_BYTES_MAX || oldest === name) return;
      this.#chunks.delete(oldest);
      this.#bytes -= chunk.length;
    }
  }
}

/** The cache of this isolate. */
export const coldCache = new ColdCache();

function nameOf({ key, start }: ChunkAddress): string {
  return `${start} ${key}`;
}

async function read(bucket: R2Bucket, { key, start, end }: ChunkAddress): Promise<Uint8Array> {
  const object = await bucket.get(key, { range: { offset: start, length: end - start } });
  if (object === null) throw new Error(`the bucket has no object ${key}, which holds records of the log`);
  const bytes = new Uint8Array(await object.arrayBuffer());
  if (bytes.length !== end - start)
    throw new Error(`the bucket returned ${bytes.length} bytes of ${key}, not ${end - start}`);
  return bytes;
}
