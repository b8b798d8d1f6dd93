/** Plain batch: a batch whose records are only values, so that nothing else has to be checked. */

import { openBatch } from '../../../protocol/record-batch/open-batch.ts';
import type { BatchHeader } from '../../../protocol/record-batch/index.ts';
import { walkRecords } from '../../../protocol/record-batch/walk.ts';

/** Returns whether no record of the batch has a key or a header. It allocates nothing. */
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
