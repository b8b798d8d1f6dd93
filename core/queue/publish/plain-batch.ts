/** A quick look at a batch: whether its records are nothing but values, and so need no further look. */

import { openPayload } from '../../../protocol/record-batch/payload.ts';
import type { BatchHeader } from '../../../protocol/record-batch/index.ts';
import { walkRecords } from '../../../protocol/record-batch/walk.ts';

/** True if no record of the batch has a key or a header. Nothing is allocated. */
export function hasOnlyValues(bytes: Uint8Array, at: number, header: BatchHeader): boolean {
  const payload = openPayload(bytes, at, header, {});
  if ('code' in payload) return false;
  let plain = true;
  const failed = walkRecords(payload, at, header, (cursor) => {
    plain &&= cursor.keyLength === -1 && cursor.headerCount === 0;
    return plain ? undefined : false;
  });
  return plain && failed === null;
}
