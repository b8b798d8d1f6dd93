/** Upload parts: how an object that is too large for one request is cut. All parts but the last have the same size, as R2 asks for. */

import { OBJECT_PART_BYTES } from '../../protocol/limits.ts';

export interface StoredPart {
  /** From 1. */
  readonly part: number;
  /** What the bucket has answered when it stored the part. */
  readonly etag: string;
}

export function partsOf(bytes: number): number {
  return Math.ceil(bytes / OBJECT_PART_BYTES);
}

/** Returns the bytes of a part; 0 if the object has no such part. @param part from 1 */
export function bytesOfPart(bytes: number, part: number): number {
  if (!Number.isSafeInteger(part) || part < 1) return 0;
  return Math.max(0, Math.min(OBJECT_PART_BYTES, bytes - (part - 1) * OBJECT_PART_BYTES));
}

/** Returns the parts in their order; null unless they are all parts of the object, each once. */
export function wholeOf(bytes: number, parts: readonly StoredPart[]): StoredPart[] | null {
  const sorted = parts.toSorted((a, b) => a.part - b.part);
  const isWhole = sorted.length === partsOf(bytes) && sorted.every(({ part }, index) => part === index + 1);
  return isWhole ? sorted : null;
}
