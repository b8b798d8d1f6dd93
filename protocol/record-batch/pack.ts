/** Packing: groups records so that each group fits a batch of bounded size, and encodes them. */

import { concatenate } from '../bytes.ts';
import { encodeBatch, recordSizeUpperBound, type EncodeOptions } from './encode.ts';
import { BATCH_OVERHEAD } from './header.ts';
import type { RecordInput } from './types.ts';

export interface BatchLimits {
  /** Bytes of the encoded batch. A record that is larger has a batch of its own. */
  bytesMax: number;
  /** Default: no limit. */
  recordsMax?: number;
}

/**
 * Groups records, in their order. It takes one after another, so that never all of them are in memory.
 *
 * @param beginsGroup whether the record at an index has to begin a group whatever the limits are
 */
export function* groupRecords<Item extends Pick<RecordInput, 'key' | 'value' | 'headers'>>(
  records: Iterable<Item>,
  { bytesMax, recordsMax = Infinity }: BatchLimits,
  beginsGroup: (index: number) => boolean = () => false,
): IterableIterator<Item[]> {
  let group: Item[] = [];
  let bytes = BATCH_OVERHEAD;
  let index = 0;
  for (const record of records) {
    const size = recordSizeUpperBound(record);
    const isFull = group.length >= recordsMax || bytes + size > bytesMax;
    if (group.length > 0 && (isFull || beginsGroup(index))) {
      yield group;
      group = [];
      bytes = BATCH_OVERHEAD;
    }
    group.push(record);
    bytes += size;
    index += 1;
  }
  if (group.length > 0) yield group;
}

/**
 * Encodes the records as batches, one after another.
 *
 * @param optionsOf the options of the batch that begins with the record at an index
 */
export function packBatches(
  records: Iterable<RecordInput>,
  limits: BatchLimits,
  optionsOf: (first: number) => EncodeOptions = () => ({}),
): Uint8Array {
  const batches: Uint8Array[] = [];
  let first = 0;
  for (const group of groupRecords(records, limits)) {
    batches.push(encodeBatch(group, optionsOf(first)));
    first += group.length;
  }
  return concatenate(batches);
}
