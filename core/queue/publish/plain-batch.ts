/** A quick look at a batch: whether its records are nothing but values, and so need no further look. */

import { openBatch } from '../../../protocol/record-batch/open-batch.ts';
import type { BatchHeader } from '../../../protocol/record-batch/index.ts';
import { walkRecords } from '../../../protocol/record-batch/walk.ts';

/** True if no record of the batch has a key or a header. Nothing is allocated. */
export function hasOnlyValues(bytes: Uint8Array, at: number, header: BatchHeader): boolean {
  const batch = openBatch(bytes, at, header);
  if ('code' in batch) return false;
  let plain = true;
  const failed = walkRecords(batch, (cursor) => {
    plain &&= cursor.keyLength === -1 && cursor.headerCount === 0;
    return plain ? undefined : false;
  });
  return plain && failed === null;
}
