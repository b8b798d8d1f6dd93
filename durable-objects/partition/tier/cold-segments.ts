/** Cold segments: the cold part of a log over the rows of its objects and the chunks that are in memory. */

import type { SegmentExtent } from '../../../core/log/segment.ts';
import {
  chunksOf,
  decodeObjectIndex,
  firstAfter,
  type Chunk,
  type IndexedSegment,
} from '../../../core/log/tier/object-index.ts';
import { ColdMiss, type ColdPart } from '../../storage/cold-part.ts';
import type { Segment } from '../../storage/segment-store.ts';
import type { ColdCache } from './cold-cache.ts';
import type { TierStore } from './tier-store.ts';

interface OpenObject {
  /** The whole key in the bucket. */
  key: string;
  nextOffset: number;
  segments: IndexedSegment[];
  chunks: Chunk[];
}

export class ColdSegments implements ColdPart {
  readonly #store: TierStore;
  readonly #cache: ColdCache;
  readonly #prefix: string;
  /** The object that was looked into last: a search or a reader looks into the same one again. */
  #last: (OpenObject & { baseOffset: number }) | null = null;

  /** @param prefix of the partition's keys */
  constructor(store: TierStore, cache: ColdCache, prefix: string) {
    this.#store = store;
    this.#cache = cache;
    this.#prefix = prefix;
  }

  objectsFrom(from: number, limit: number): SegmentExtent[] {
    return this.#store.objectsFrom(from, limit);
  }

  removeBefore(end: number): void {
    this.#store.removeBefore(end);
  }

  atOrAfter(offset: number): SegmentExtent | undefined {
    return firstAfter(this.#objectAt(offset)?.segments ?? [], offset);
  }

  *segmentsFrom(offset: number): IterableIterator<Segment> {
    let object = this.#objectAt(offset);
    for (let from = offset; object !== undefined; object = this.#objectAt(from)) {
      for (const chunk of object.chunks) {
        if (chunk.segments.at(-1)!.nextOffset <= from) continue;
        const data = this.#bytesOf(object.key, chunk);
        for (const { start, ...extent } of chunk.segments) {
          if (extent.nextOffset <= from) continue;
          const at = start - chunk.start;
          yield { ...extent, data: data.subarray(at, at + extent.bytes) };
        }
      }
      from = object.nextOffset;
    }
  }

  /** The chunk that follows the one with this offset; undefined if the hot part follows. For reading ahead. */
  chunkAfter(offset: number): ColdMiss | undefined {
    const object = this.#objectAt(offset);
    const chunk = object && firstAfter(object.chunks.map(rangeOf), offset)?.chunk;
    const end = chunk?.segments.at(-1)!.nextOffset;
    if (end === undefined) return undefined;
    const following = this.#objectAt(end);
    const next = following && firstAfter(following.chunks.map(rangeOf), end)?.chunk;
    return next && new ColdMiss(following.key, next);
  }

  #bytesOf(key: string, chunk: Chunk): Uint8Array {
    const data = this.#cache.get({ key, ...chunk });
    if (data === undefined) throw new ColdMiss(key, chunk);
    return data;
  }

  #objectAt(offset: number): OpenObject | undefined {
    const last = this.#last;
    if (last !== null && last.baseOffset <= offset && offset < last.nextOffset) return last;
    const object = this.#store.objectAtOrAfter(offset);
    if (object === undefined) return undefined;
    const segments = decodeObjectIndex(object.index);
    const chunks = chunksOf(segments);
    const { nextOffset } = object;
    this.#last = {
      key: this.#prefix + object.key,
      baseOffset: segments[0]!.baseOffset,
      nextOffset,
      segments,
      chunks,
    };
    return this.#last;
  }
}

function rangeOf(chunk: Chunk): { nextOffset: number; chunk: Chunk } {
  return { nextOffset: chunk.segments.at(-1)!.nextOffset, chunk };
}
