/**
 * Acquired frames: records that a member of a share group has acquired, as bytes. A section has the whole batches that hold its
 * records, among others: the ranges say which are acquired.
 */

import type { IdentifiedPartition } from '../schemas/groups.ts';
import { decodeSectionFrame, encodeSectionFrame, type Section, type WithBatches } from './section-frame.ts';

export interface AcquiredSection extends IdentifiedPartition, Section {
  /** `[start, end, delivery count]`, in order. */
  acquired: [number, number, number][];
}

export interface AcquiredFrame {
  /** How long each is locked; 0 if they are accepted already. In ms. */
  lock_duration_ms: number;
  sections: WithBatches<AcquiredSection>[];
}

export function encodeAcquiredFrame({ sections, ...heading }: AcquiredFrame): Uint8Array {
  return encodeSectionFrame(heading, sections);
}

/** Reads what `encodeAcquiredFrame` wrote; a RangeError for anything else. */
export function decodeAcquiredFrame(bytes: Uint8Array): AcquiredFrame {
  const { heading, sections } = decodeSectionFrame<{ lock_duration_ms: number }, AcquiredSection>(bytes);
  for (const { acquired } of sections) {
    if (!Array.isArray(acquired))
      throw new RangeError('a section of the frame does not say what is acquired');
  }
  return { ...heading, sections };
}
