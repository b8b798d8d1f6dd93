/**
 * Messages on their way: records, by which their destinations are chosen, and the bytes that they were stored as. The
 * bytes pass through unchanged when all messages go to one place.
 */

import { withoutDamage } from '../../core/queue/dead-letters/dead-letter-record.ts';
import { recordsOf } from '../../core/queue/deliver/stored-records.ts';
import { packBatches, type LogRecord, type RecordInput } from '../../protocol/record-batch/index.ts';

export interface Messages<Record extends RecordInput = RecordInput> {
  records: readonly Record[];
  /** The same records as one batch; null: they have to be encoded. */
  bytes: Uint8Array | null;
}

/**
 * Reads a row of messages.
 * @param change of each record on its way. Beside it, a placeholder of a damaged message becomes an ordinary message, so
 *   that it does not die again at its target
 */
export function messagesIn(
  data: Uint8Array,
  change: (record: LogRecord) => LogRecord = (record) => record,
): Messages<LogRecord> {
  const stored = recordsOf(data);
  const records = stored.map((record) => change(withoutDamage(record)));
  const isSame = records.every((record, index) => record === stored[index]);
  return { records, bytes: isSame ? data : null };
}

/** @param bytesMax of a batch; a record that is larger has a batch of its own */
export function batchesOf(
  { records, bytes }: Messages,
  indexes: readonly number[],
  bytesMax: number,
): Uint8Array {
  if (bytes !== null && indexes.length === records.length && bytes.length <= bytesMax) return bytes;
  return packBatches(
    indexes.map((index) => records[index]!),
    { bytesMax },
  );
}
